// markup.mjs: is a page exactly what our templates can write? Whatever came from people
// must be text in it: no tag, no attribute and no reference that is not ours.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { top } from './process.mjs';

const empty = new Set(['br', 'hr', 'img', 'input', 'link', 'meta', 'wbr']);
const references = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

/** The elements and attributes that occur in the templates and the words. */
function vocabulary() {
  const elements = new Set();
  const attributes = new Set();
  const take = (text) => {
    for (const [, name, rest] of text.matchAll(/<([a-z][a-z0-9]*)((?:\s+[\w:-]+="[^"]*")*)\s*\/?>/g)) {
      elements.add(name);
      for (const [, attribute] of rest.matchAll(/([\w:-]+)="/g)) attributes.add(attribute);
    }
    for (const [, name] of text.matchAll(/<(?:xsl:attribute|w:a) name="([\w-]+)"/g)) attributes.add(name);
  };
  for (const dir of ['templates', 'templates/text']) {
    for (const file of readdirSync(path.join(top, dir)).filter((name) => /\.(xsl|xml)$/.test(name))) {
      take(readFileSync(path.join(top, dir, file), 'utf8'));
    }
  }
  for (const name of elements) if (/^on|^style$/.test(name)) throw new Error(`a template uses ${name}`);
  return { elements, attributes };
}
const ours = vocabulary();

class Reader {
  constructor(html) {
    Object.assign(this, { html, at: 0, open: [], elements: [], text: '' });
  }

  fail(why) {
    throw new Error(`${why} at ${this.at}: ${JSON.stringify(this.html.slice(Math.max(0, this.at - 80), this.at + 80))}`);
  }

  decode(text) {
    if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text)) this.fail(`a control character in ${JSON.stringify(text.slice(0, 200))}`);
    if (/[<>"']/.test(text)) this.fail('a special character as it is');
    return text.replace(/&([^;&\s]{0,8};)?/g, (all, name) => {
      const value = references[name?.slice(0, -1)];
      if (value === undefined) this.fail(`the reference ${all}`);
      return value;
    });
  }

  start(name, rest) {
    if (!ours.elements.has(name)) this.fail(`the element ${name}`);
    const attributes = {};
    let left = rest;
    while (left) {
      const match = /^ ([a-z][a-z-]*)(?:="([^"]*)")?/.exec(left);
      if (!match) this.fail(`the attributes ${left}`);
      const [all, key, value = ''] = match;
      if (!ours.attributes.has(key) || key in attributes) this.fail(`the attribute ${key}`);
      attributes[key] = this.decode(value);
      if (/^(href|src|action)$/.test(key) && !/^(\/|#|mailto:)/.test(attributes[key])) this.fail(`the address ${value}`);
      left = left.slice(all.length);
    }
    const element = { name, attributes, text: '' };
    this.elements.push(element);
    if (!empty.has(name)) this.open.push(element);
  }

  end(name) {
    const element = this.open.pop();
    if (element?.name !== name) this.fail(`</${name}> ends ${element?.name}`);
    if (name === 'textarea') element.text = element.text.replace(/^\n/, '');
  }

  say(text) {
    const plain = this.decode(text);
    this.text += plain;
    for (const element of this.open) element.text += plain;
  }

  read() {
    const first = '<!doctype html>\n';
    if (!this.html.startsWith(first)) this.fail('no doctype');
    this.at = first.length;
    const token = /<(\/?)([a-z][a-z0-9]*)((?: [^<>]*)?)>|[^<]+/y;
    while (this.at < this.html.length) {
      token.lastIndex = this.at;
      const match = token.exec(this.html);
      if (!match) this.fail('neither tag nor text');
      const [all, slash, name, rest] = match;
      if (name === undefined) this.say(all);
      else if (slash) this.end(name);
      else this.start(name, rest);
      this.at += all.length;
    }
    if (this.open.length) this.fail(`${this.open.at(-1).name} is not ended`);
    return this;
  }

  /** The first element of that name (with that attribute's value). */
  find(name, attribute, value) {
    return this.elements.find((e) => e.name === name && (attribute === undefined || e.attributes[attribute] === value));
  }

  all(name) {
    return this.elements.filter((e) => e.name === name);
  }
}

/**
 * Reads a page { status, headers, body }, as strictly as its writer works: { text, elements:
 * [{ name, attributes, text }], find(), all() }. Throws where something is not ours.
 */
export function readPage({ body, headers }) {
  if (headers['content-type'] !== 'text/html; charset=utf-8') throw new Error(`type ${headers['content-type']}`);
  if (headers['cache-control'] !== 'no-store') throw new Error(`cache-control ${headers['cache-control']}`);
  if (!/default-src 'none'/.test(headers['content-security-policy'])) throw new Error('no policy');
  const html = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  return new Reader(html).read();
}
