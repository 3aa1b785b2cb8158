// wire.mjs: one connection to an HTTP server, written to byte by byte and read
// answer by answer, with nothing made better on the way.
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';

let next = 0;

/** Another loopback address at every call, so that no limit of one address is met by chance. */
export function anyAddress() {
  next = (next + 1) % (200 * 200);
  return `127.${10 + process.pid % 200}.${1 + Math.floor(next / 200)}.${1 + next % 200}`;
}

/** What is wrong with an answer is thrown as this. */
export class BadAnswer extends Error {}

// The length of a chunked body that lies whole in `bytes` from `at` on, or -1.
function chunked(bytes, at) {
  const parts = [];
  for (;;) {
    const eol = bytes.indexOf('\r\n', at);
    if (eol < 0) return undefined;
    const size = bytes.toString('latin1', at, eol).match(/^[0-9a-f]+(?=\s*(;|$))/i);
    if (!size) throw new BadAnswer('a chunk without a size');
    const n = parseInt(size[0], 16);
    if (bytes.length < eol + 2 + n + 2) return undefined;
    if (n === 0) return { body: Buffer.concat(parts), end: eol + 4 };
    parts.push(bytes.subarray(eol + 2, eol + 2 + n));
    at = eol + 2 + n + 2;
  }
}

/** The first whole answer in `bytes`: { status, headers, body, end }, undefined when there is none yet. */
export function parseAnswer(bytes, { method = 'GET', closed = false } = {}) {
  const stop = bytes.indexOf('\r\n\r\n');
  if (stop < 0) return undefined;
  const [first, ...lines] = bytes.toString('latin1', 0, stop).split('\r\n');
  if (!/^HTTP\/1\.[01] \d{3} /.test(first)) throw new BadAnswer(`no answer: ${first.slice(0, 80)}`);
  const status = Number(first.split(' ')[1]);
  const headers = Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const start = stop + 4;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
    return { status, headers, body: Buffer.alloc(0), end: start };
  }
  if (/chunked/i.test(headers['transfer-encoding'] ?? '')) {
    const whole = chunked(bytes, start);
    return whole && { status, headers, ...whole };
  }
  if (headers['content-length'] === undefined) {
    return closed ? { status, headers, body: bytes.subarray(start), end: bytes.length } : undefined;
  }
  const end = start + Number(headers['content-length']);
  return bytes.length < end ? undefined : { status, headers, body: bytes.subarray(start, end), end };
}

export class Wire {
  /** To `{ host, port }`: over TLS with `ca` and `servername`, else plain when `plain`. */
  static async open({ host = '127.0.0.1', port, plain = false, from = anyAddress(), servername = 'acme.localhost', ca, ...more }) {
    const wire = new Wire();
    // A server of another address family sees us from where it will.
    const local = net.isIPv4(host) ? { localAddress: from } : {};
    wire.socket = plain ? net.connect({ host, port, ...local, noDelay: true })
      : tls.connect({ host, port, servername, ca, ...local, ...more });
    wire.socket.setNoDelay?.(true);
    wire.bytes = Buffer.alloc(0);
    wire.waiting = new Set();
    const stir = () => { for (const wake of wire.waiting) wake(); };
    wire.socket.on('error', (error) => { wire.error = error; });
    wire.socket.on('data', (data) => { wire.bytes = Buffer.concat([wire.bytes, data]); stir(); });
    wire.socket.on('end', () => { wire.closed = true; stir(); });
    wire.socket.on('close', () => { wire.closed = true; stir(); });
    await once(wire.socket, plain ? 'connect' : 'secureConnect');
    return wire;
  }

  send(data) {
    if (!this.socket.destroyed) this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return this;
  }

  /** Every byte, or every `step` bytes, in a write and TLS record of its own. */
  async drip(data, step = 1) {
    const bytes = Buffer.from(data, 'latin1');
    for (let i = 0; i < bytes.length && !this.closed; i += step) {
      this.send(bytes.subarray(i, i + step));
      if (i % 16 === 0) await new Promise(setImmediate);
    }
    return this;
  }

  /** Waits until look() gives something, undefined after `timeout` ms. */
  wait(look, timeout) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        settle(value);
      };
      const wake = () => {
        try {
          const found = look();
          if (found !== undefined) finish(resolve, found);
        } catch (error) {
          finish(reject, error);
        }
      };
      const timer = setTimeout(() => finish(resolve, undefined), timeout);
      this.waiting.add(wake);
      wake();
    });
  }

  /** The next whole answer, undefined when none comes in time or the other side closes without. */
  async answer({ method, timeout = 5000 } = {}) {
    const found = await this.wait(() => {
      const answer = parseAnswer(this.bytes, { method, closed: this.closed });
      return answer ?? (this.closed ? null : undefined);
    }, timeout);
    if (!found) return undefined;
    this.bytes = this.bytes.subarray(found.end);
    return found;
  }

  /** Has the other side closed, at the latest after `timeout` ms? */
  async end(timeout = 3000) {
    return (await this.wait(() => this.closed || undefined, timeout)) === true;
  }

  /** Every answer until the other side closes or is silent for `quiet` ms: { answers, closed }. */
  async all({ methods = [], quiet = 1000 } = {}) {
    const answers = [];
    for (;;) {
      const answer = await this.answer({ method: methods[answers.filter((a) => a.status >= 200).length], timeout: quiet });
      if (!answer) return { answers, closed: Boolean(this.closed), rest: this.bytes };
      answers.push(answer);
    }
  }

  close() {
    this.socket.destroy();
  }
}

/** Where an installation's portal listens, for Wire.open(). */
export const portalOf = (inst) => ({ host: inst.host, port: inst.ports.HTTPS_PORT, ca: inst.ca });
