// catcher.mjs: the mail that went out, as the local catcher shows it.
import http from 'node:http';
import { until } from './process.mjs';

export class Catcher {
  constructor(port, host = '127.0.0.1') {
    Object.assign(this, { port, host });
  }

  ask(method, path) {
    return new Promise((resolve, reject) => {
      http.request({ host: this.host, port: this.port, method, path, agent: false }, (response) => {
        const parts = [];
        response.on('data', (d) => parts.push(d));
        response.on('end', () => resolve(Buffer.concat(parts)));
        response.on('error', reject);
      }).on('error', reject).end();
    });
  }

  /**
   * Every mail so far, oldest first: { id, subject, from, to: [{ address }], text, html,
   * headers, envelope, ... }; `to` chooses by recipient of the envelope or header.
   */
  async mails({ to } = {}) {
    const all = JSON.parse(await this.ask('GET', '/email'));
    if (!to) return all;
    const wanted = to.toLowerCase();
    return all.filter((mail) => [...(mail.to ?? []), ...(mail.envelope?.to ?? [])]
      .some(({ address }) => address.toLowerCase() === wanted));
  }

  /** The bytes of one mail. */
  source(id) {
    return this.ask('GET', `/email/${id}/source`);
  }

  /** Waits for the newest mail that matches: { to, subject: RegExp, text: RegExp, after: list of ids }. */
  async wait({ to, subject, text, after = [], ...options } = {}) {
    const before = new Set(after.map((mail) => mail.id ?? mail));
    return until(async () => (await this.mails({ to })).reverse()
      .find((mail) => !before.has(mail.id) && (!subject || subject.test(mail.subject)) &&
        (!text || text.test(mail.text))),
    { what: `a mail to ${to ?? 'anybody'} ${subject ?? ''}${text ?? ''}`, ...options });
  }

  clear() {
    return this.ask('DELETE', '/email/all');
  }
}
