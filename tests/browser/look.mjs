// look.mjs: the golden pages in Chromium: nothing runs off sideways at 320, 390 and 1280
// pixels, in light and dark, every field has its label, contrast is at least 4.5 to 1,
// and targets are large enough for a thumb. LOOK=<dir> keeps a picture of each.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from '../lib/browser.mjs';

const top = fileURLToPath(new URL('../../', import.meta.url));
const pages = path.join(top, 'tests/golden/pages');
const origin = 'https://acme.localhost';
const screens = [[320, 640], [390, 844], [1280, 900]];
let browser;

before(async () => { browser = await launchBrowser(); });
after(() => browser?.close());

const types = { css: 'text/css', svg: 'image/svg+xml', html: 'text/html; charset=utf-8', js: 'text/javascript' };

async function serve(route) {
  const name = new URL(route.request().url()).pathname.split('/').pop();
  const file = name === '1f4b8f.css' ? path.join(pages, 'brand.css')
    : name.endsWith('.html') ? path.join(pages, name) : path.join(top, 'assets', name);
  await route.fulfill({ body: await fs.readFile(file), contentType: types[name.split('.').pop()] });
}

/** In the page: what a reader would stumble over, as sentences. */
function faults() {
  const found = [];
  const say = (what, node) => found.push(`${what}: ${node.outerHTML.slice(0, 90)}`);
  const over = document.documentElement.scrollWidth - window.innerWidth;
  if (over > 0) found.push(`${over} px too wide`);
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  const shown = (node) => {
    const box = node.getBoundingClientRect();
    return box.width > 1 && box.height > 1;
  };
  for (const field of document.querySelectorAll('input:not([type=hidden]), textarea')) {
    if (!field.labels.length) say('no label', field);
  }
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  if (new Set(ids).size !== ids.length) found.push('an id twice');
  for (const node of document.querySelectorAll('[aria-describedby]')) {
    for (const id of node.getAttribute('aria-describedby').split(' ')) {
      if (!document.getElementById(id)) say(`no #${id}`, node);
    }
  }
  for (const node of document.querySelectorAll('.btn, nav a, nav button, input:not([type=hidden])')) {
    if (shown(node) && node.getBoundingClientRect().height < 40) say('too low to touch', node);
  }
  for (const row of document.querySelectorAll('.list li, .files li, .row, .bar')) {
    const boxes = [...row.children].filter(shown).map((node) => [node, node.getBoundingClientRect()]);
    for (const [i, [node, a]] of boxes.entries()) {
      for (const [, b] of boxes.slice(i + 1)) {
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) say('overlaps its neighbour', node);
      }
    }
  }
  for (const node of document.querySelectorAll('.sheet *')) {
    const sheet = node.closest('.sheet').getBoundingClientRect();
    if (shown(node) && node.getBoundingClientRect().right > sheet.right + 1) say('runs off its sheet', node);
  }
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const color = (text) => text.match(/[\d.]+/g).map(Number);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const c = color(getComputedStyle(at).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
    if (!own || !shown(node)) continue;
    const [a, b] = [light(color(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)}`, node);
  }
  return found;
}

for (const [width, height] of screens) {
  for (const colorScheme of ['light', 'dark']) {
    test(`pages at ${width} px, ${colorScheme}`, async () => {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme,
        javaScriptEnabled: true, deviceScaleFactor: process.env.LOOK ? 1.5 : 1 });
      await context.route('**', serve);
      const page = await context.newPage();
      const wrong = [];
      for (const name of (await fs.readdir(pages)).filter((n) => n.endsWith('.html')).sort()) {
        await page.goto(`${origin}/${name}`);
        for (const fault of await page.evaluate(faults)) wrong.push(`${name}: ${fault}`);
        if (process.env.LOOK) {
          await page.screenshot({ fullPage: true,
            path: path.join(process.env.LOOK, `${name.replace('.html', '')}-${width}-${colorScheme}.png`) });
        }
      }
      await context.close();
      assert.deepEqual(wrong, []);
    });
  }
}

test('page and style sheet together are under 30 KB', async () => {
  const css = (await fs.stat(path.join(top, 'assets/restante.css'))).size
    + (await fs.stat(path.join(pages, 'brand.css'))).size;
  for (const name of (await fs.readdir(pages)).filter((n) => n.endsWith('.html'))) {
    const { size } = await fs.stat(path.join(pages, name));
    assert.ok(size + css < 30000, `${name}: ${size + css}`);
  }
});
