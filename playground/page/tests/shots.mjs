// Pictures of the built page, for docs/playground/ and to be looked at.

import { mkdir } from "node:fs/promises";
import { browser, open, serve } from "./served.mjs";

const into = process.argv[2] ?? "shots";
await mkdir(into, { recursive: true });
const server = await serve();
const chrome = await browser();
const shots = [
  { name: "desktop", width: 1440, height: 1700, colorScheme: "light", ticks: 9 },
  { name: "stepper", width: 1440, height: 1000, colorScheme: "light", ticks: 8, part: "#stepper" },
  { name: "costs", width: 1440, height: 1000, colorScheme: "light", ticks: 8, part: ".pair" },
  { name: "xray", width: 1440, height: 1000, colorScheme: "light", ticks: 8, part: "#xray" },
  { name: "maths", width: 1440, height: 1000, colorScheme: "light", ticks: 8, part: "#mathematics" },
  { name: "dark", width: 1440, height: 1000, colorScheme: "dark", ticks: 14, part: "#stepper" },
  { name: "dark-top", width: 1440, height: 1000, colorScheme: "dark", ticks: 12 },
  { name: "phone", width: 390, height: 844, colorScheme: "light", ticks: 8 },
  { name: "phone-whole", width: 390, height: 844, colorScheme: "light", ticks: 8, full: true },
  { name: "digits", width: 1440, height: 1000, colorScheme: "light", hash: "#data=digits&loss=softmax-cross-entropy&layers=8-relu", ticks: 4 },
  { name: "deep-4k", width: 3840, height: 2160, colorScheme: "light", hash: "#layers=8-tanh,8-relu,8-tanh,8-tanh,8-tanh,4-tanh", ticks: 4 },
  { name: "tablet", width: 800, height: 1100, colorScheme: "light", ticks: 4 },
];
const only = process.argv.slice(3);
for (const shot of shots.filter(({ name }) => only.length === 0 || only.includes(name))) {
  const scale = shot.width < 500 ? 2 : 1;
  const context = await chrome.newContext({ viewport: { width: shot.width, height: shot.height }, colorScheme: shot.colorScheme, deviceScaleFactor: scale });
  const { page, errors } = await open(context, server.address, shot.hash ?? "#batch=6");
  await page.selectOption("#pace", "1000000");
  await page.click("#play");
  await page.waitForTimeout(shot.hash ? 2500 : 6000);
  await page.click("#play");
  await page.waitForTimeout(800);
  if (shot.name === "costs") {
    await page.click("#match");
    await page.click("#pick");
    await page.waitForSelector("#ways tr.picked", { timeout: 120_000 });
  }
  for (let k = 0; k < shot.ticks; k++) await page.click("#next");
  await page.waitForTimeout(500);
  const path = `${into}/${shot.name}.png`;
  if (shot.part) await page.locator(shot.part).screenshot({ path });
  else {
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path, fullPage: shot.full ?? false });
  }
  console.log(shot.name, errors);
  await context.close();
}
await chrome.close();
server.close();
