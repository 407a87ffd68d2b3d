// The order of the parts on a narrow screen: the picture first, what is set after it.

import { byId } from "./element";

/** Keeps the parts in the document in the order that the eye meets them, so that the keyboard and a screen reader go the same way. */
export function arrange(): void {
  const narrow = matchMedia("(max-width: 700px)");
  const [settings, data, network, output] = ["settings", "data-part", "network-part", "output-part"].map((id) => byId(id)) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  const main = data.parentElement as HTMLElement;
  const place = (): void => {
    if (narrow.matches) {
      main.prepend(network, output);
      main.after(settings);
    } else {
      main.prepend(data, network, output);
      main.before(settings);
    }
  };
  narrow.addEventListener("change", place);
  place();
}
