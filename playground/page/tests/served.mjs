// The built page behind a plain file server on this machine, and a browser that opens it.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".gz": "application/gzip" };

export async function serve() {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://here").pathname));
    try {
      const body = await readFile(join(dist, path === "/" ? "index.html" : path));
      response.writeHead(200, { "content-type": types[extname(path === "/" ? ".html" : path)] ?? "text/html" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export function browser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** Every answer of the engine comes later by up to `most` milliseconds, in order: what a busy machine does now and then. */
function late(most) {
  const Engine = window.Worker;
  window.Worker = class extends Engine {
    set onmessage(heard) {
      let last = Promise.resolve();
      super.onmessage = (event) => {
        last = last.then(() => new Promise((done) => setTimeout(done, Math.random() * most))).then(() => heard.call(this, event));
      };
    }
  };
}

/** A page that is ready, with all that went wrong in it. `LATE=500` in the environment makes the engine's answers late: a test that
 * does not wait for what it needs fails then. */
export async function open(context, address, hash = "") {
  const page = await context.newPage();
  if (process.env.LATE) await page.addInitScript(late, Number(process.env.LATE));
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${address}${hash}`);
  await page.waitForSelector("html[data-ready='1']", { timeout: 60_000 });
  return { page, errors };
}
