// web.mjs: HTTPS without a browser. Node does not resolve *.localhost: every
// request goes to 127.0.0.1 with the host in Host and SNI.
import https from 'node:https';
import tls from 'node:tls';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

/** One request: { status, headers, body (Buffer), text }. Follows nothing, keeps no cookie. */
export function request(inst, host, path, { method = 'GET', headers = {}, body } = {}) {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    https.request({
      host: inst.host, port: inst.ports.HTTPS_PORT, servername: host, ca: inst.ca, agent: false,
      method, path, headers: { host: `${host}:${inst.ports.HTTPS_PORT}`, ...length, ...headers },
    }, (response) => {
      const parts = [];
      response.on('data', (d) => parts.push(d));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(parts);
        resolve({ status: response.statusCode, headers: response.headers, body: whole,
          text: whole.toString() });
      });
    }).on('error', reject).end(body);
  });
}

/** Bytes over TLS to the portal and back until it closes (or `quiet` ms of silence): a text. */
export async function rawRequest(inst, bytes, { host = 'acme.localhost', quiet = 3000 } = {}) {
  const socket = tls.connect({ host: inst.host, port: inst.ports.HTTPS_PORT, servername: host, ca: inst.ca });
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (d) => { text += d.toString('latin1'); });
  socket.on('error', () => {});
  socket.setTimeout(quiet, () => socket.destroy());
  for (const part of [bytes].flat()) socket.write(part);
  await once(socket, 'close');
  return text;
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescape = (text) => text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, dec, name) =>
  hex ? String.fromCodePoint(parseInt(hex, 16)) : dec ? String.fromCodePoint(Number(dec)) : entities[name] ?? all);

function attributes(tag) {
  const found = {};
  for (const [, name, , a, b] of tag.matchAll(/([\w-]+)\s*=\s*("([^"]*)"|'([^']*)')/g)) {
    found[name.toLowerCase()] = unescape(a ?? b ?? '');
  }
  return found;
}

/** The forms of a page: [{ method, action, enctype, fields, text }]; fields has every named input's value. */
export function forms(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, inner]) => {
    const fields = {};
    for (const [tag] of inner.matchAll(/<(?:input|button)\b[^>]*>/gi)) {
      const { name, value = '', type = '' } = attributes(tag);
      if (type === 'checkbox' && !/\schecked\b/.test(tag)) continue;
      if (name && type !== 'file' && !(type === 'submit' && fields[name])) fields[name] = value;
    }
    for (const [, tag, text] of inner.matchAll(/<textarea\b([^>]*)>([\s\S]*?)<\/textarea>/gi)) {
      fields[attributes(tag).name] = unescape(text);
    }
    const { method = 'get', action, enctype } = attributes(head);
    return { method: method.toLowerCase(), action, enctype, fields, text: inner };
  });
}

/** One person at one host: keeps cookies, follows redirects, fills forms. */
export class Visitor {
  constructor(inst, host) {
    Object.assign(this, { inst, host, cookies: new Map(), path: '/' });
  }

  /** As request(), with cookies; redirects within the host are followed unless `follow` is false. */
  async go(path, { follow = true, headers = {}, ...options } = {}) {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const page = await request(this.inst, this.host, path,
      { ...options, headers: { ...(cookie ? { cookie } : {}), ...headers } });
    for (const line of page.headers['set-cookie'] ?? []) this.keep(line);
    const { location } = page.headers;
    if (follow && location && page.status >= 300 && page.status < 400) {
      const next = new URL(location, this.inst.url(this.host, path));
      return this.go(next.pathname + next.search);
    }
    this.path = path;
    this.page = page;
    return page;
  }

  keep(line) {
    const [pair, ...rest] = line.split(';');
    const name = pair.slice(0, pair.indexOf('=')).trim();
    if (rest.some((part) => /^\s*max-age=0\s*$/i.test(part))) this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(pair.indexOf('=') + 1));
  }

  /**
   * Sends a form of the page last seen: the one whose action or text matches `which`
   * (a string or RegExp; the first POST form without it), its hidden fields kept.
   * `files`: [{ name, filename, type, content }] makes it multipart.
   */
  async submit(fields = {}, { which, files, ...options } = {}) {
    const matches = (form) => (which === undefined ? form.method === 'post'
      : which instanceof RegExp ? which.test(form.action ?? '') || which.test(form.text)
        : (form.action ?? '').includes(which));
    const form = forms(this.page.text).find(matches);
    if (!form) throw new Error(`no form ${which ?? ''} on ${this.path} (${this.page.status})`);
    const all = { ...form.fields, ...fields };
    const multipart = files || /multipart/.test(form.enctype ?? '');
    const { type, body } = multipart ? encodeMultipart(all, files ?? [])
      : { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(all).toString() };
    const target = new URL(form.action || this.path, this.inst.url(this.host, this.path));
    return this.go(target.pathname + target.search, { method: 'POST', body, ...options,
      headers: { 'content-type': type, origin: this.inst.url(this.host, '').replace(/\/$/, ''),
        'sec-fetch-site': 'same-origin', ...options.headers } });
  }
}

/** { type, body } of multipart/form-data. */
export function encodeMultipart(fields, files) {
  const boundary = `----restante${randomBytes(12).toString('hex')}`;
  const parts = [];
  const add = (head, content) => parts.push(Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`), Buffer.from(content), Buffer.from('\r\n'));
  for (const [name, value] of Object.entries(fields)) add(`Content-Disposition: form-data; name="${name}"`, value);
  for (const { name, filename, type = 'application/octet-stream', content } of files) {
    add(`Content-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: ${type}`, content);
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return { type: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(parts) };
}
