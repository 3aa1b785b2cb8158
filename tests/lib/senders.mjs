// senders.mjs: SMTP clients under bad conditions. Each sends messages one after another over
// sessions it uses again, pipelined, and a message until somebody answers for it, byte for
// byte the same (RFC 5321 4.5.4, RFC 1047). What was answered is kept.
import net from 'node:net';
import tls from 'node:tls';
import { randomInt } from 'node:crypto';
import { demoPassword } from './installation.mjs';
import { newLetter } from './letters.mjs';
import { sleep } from './process.mjs';

const yes = ({ code }) => code < 400;

/** What the clients saw, all of them together. */
class Log {
  constructor(patience) {
    Object.assign(this, { patience, codes: {}, refused: [], later: {}, hung: [], lost: 0, unreached: 0, longest: 0 });
  }

  said(what, code, text, waited) {
    this.codes[code] = (this.codes[code] ?? 0) + 1;
    if (code >= 400 && code < 500) this.later[text] = (this.later[text] ?? 0) + 1;
    if (waited > this.longest) Object.assign(this, { longest: waited, longestOf: `${what}: ${text}` });
    return { code, text };
  }
}

/** A connection that gives replies one after another until it ends. */
class Wire {
  constructor(log, socket) {
    Object.assign(this, { log, text: '', bye: false });
    this.attach(socket);
  }

  attach(socket) {
    this.socket = socket;
    const over = (why) => { this.ended ??= why; this.wake?.(); };
    socket.on('data', (d) => { this.text += d.toString('latin1'); this.wake?.(); });
    socket.on('error', (e) => over(e.message)).on('end', () => over('end')).on('close', () => over('closed'));
  }

  send(text) {
    this.socket.write(text, 'latin1');
  }

  /** The next { code, text }; throws when there is none. */
  async reply(what) {
    const began = Date.now();
    const timer = setTimeout(() => {
      this.log.hung.push(`${what}: nothing in ${this.log.patience} ms`);
      this.socket.destroy();
    }, this.log.patience);
    try {
      for (;;) {
        const match = /^(?:\d{3}-[^\r\n]*\r\n)*(\d{3})(?: [^\r\n]*)?\r\n/.exec(this.text);
        if (match) {
          this.text = this.text.slice(match[0].length);
          this.bye ||= match[1] === '421';
          return this.log.said(what, Number(match[1]), match[0].trimEnd(), Date.now() - began);
        }
        if (this.ended) throw new Error(this.ended);
        await new Promise((wake) => { this.wake = wake; });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** A command's reply; of what we say in good order nothing is refused for good. */
  async command(line, what = line.split(' ')[0]) {
    this.send(`${line}\r\n`);
    return this.wanted(what);
  }

  async wanted(what) {
    const reply = await this.reply(what);
    if (reply.code >= 500) this.log.refused.push(`${what}: ${reply.text}`);
    return reply;
  }
}

const secured = (inst, socket) => new Promise((resolve, reject) => {
  const over = tls.connect({ socket, servername: 'localhost', ca: inst.ca }, () => resolve(over));
  over.once('error', reject).once('close', () => reject(new Error('closed')));
});

async function connect(inst, from, secure) {
  const port = secure === 'implicit' ? inst.ports.SMTPS_PORT : inst.ports.SMTP_PORT;
  const socket = net.connect({ port, host: inst.host, localAddress: from });
  socket.setNoDelay(true);
  await new Promise((resolve, reject) => { socket.once('connect', resolve).once('error', reject); });
  socket.removeAllListeners('error').on('error', () => {});
  return secure === 'implicit' ? secured(inst, socket) : socket;
}

/**
 * `senders` clients until stop(). `to()` gives the recipients of a next message. Options:
 * members, whose addresses send with a token over TLS; pause, ms between messages;
 * impatient, of a thousand so many hang up after the dot and send again at once;
 * patience, ms that a client waits for an answer; most, messages in all; size() of a message.
 *
 * letters: Map of token to { hash, size, to } of whatever was ever sent; taken: Map of
 * token to the id in the 250; log: see Log.
 */
export class Senders {
  constructor(inst, { senders = 16, members = ['alice@acme.example'], to, pause = 0, impatient = 10, patience = 100000,
    most = Infinity, size }) {
    Object.assign(this, { inst, members, to, pause, impatient, most, size, going: true, begun: 0, letters: new Map(), taken: new Map(),
      count: new Map(), clients: [], last: Date.now(), gap: 0 });
    this.log = new Log(patience);
    this.all = Array.from({ length: senders }, (_, i) => this.client(i));
  }

  /** No more new messages; what was begun is sent until it is taken, or `give up` is called. */
  async stop() {
    this.going = false;
    await Promise.all(this.all);
  }

  giveUp() {
    this.going = false;
    this.gone = true;
  }

  /** Puts the next message of that client into its queue. */
  next({ from, queue }) {
    if (!this.going || this.begun >= this.most) return undefined;
    this.begun += 1;
    const letter = newLetter({ from, to: this.to(), size: this.size?.() });
    this.letters.set(letter.token, { hash: letter.hash, size: letter.size, to: letter.to });
    queue.push(letter);
    return letter;
  }

  /** One client with an address of its own, over as many connections as it takes. */
  async client(i) {
    const secure = ['none', 'starttls', 'none', 'implicit'][i % 4];
    const client = { secure, queue: [], chunks: i % 3 === 2, at: `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`,
      from: secure === 'none' ? `out${i}@partner.example` : this.members[i % this.members.length] };
    this.clients.push(client);
    while (!this.gone && (client.queue.length || this.next(client))) {
      await this.connection(client);
      await sleep(20 + randomInt(200));
    }
  }

  async connection(client) {
    let wire;
    try {
      const socket = await connect(this.inst, client.at, client.secure);
      wire = new Wire(this.log, socket);
      if (await this.greet(wire, client)) await this.converse(wire, client);
    } catch (error) {
      if (!wire) this.log.unreached += 1;
      else if (!wire.bye) this.log.lost += 1;
      this.log.why = error.message;
    }
    wire?.socket.destroy();
  }

  async greet(wire, client) {
    const hello = async () => { client.offers = await wire.command('EHLO client.example'); return yes(client.offers); };
    if (!yes(await wire.wanted('greeting')) || !await hello()) return false;
    if (client.secure === 'starttls') {
      if (!yes(await wire.command('STARTTLS'))) return false;
      wire.socket.removeAllListeners();
      wire.attach(await secured(this.inst, wire.socket));
      if (!await hello()) return false;
    }
    if (client.secure === 'none') return true;
    return yes(await wire.command(`AUTH PLAIN ${Buffer.from(`\0${client.from}\0${demoPassword}`).toString('base64')}`, 'AUTH'));
  }

  /** Messages until this connection has had enough of them, or ends. */
  async converse(wire, client) {
    const chunks = client.chunks && /^250.CHUNKING\b/m.test(client.offers.text);
    let announced;
    for (let left = 1 + randomInt(200); client.queue.length || (left > 0 && this.next(client)); left--) {
      const letter = client.queue[0];
      if (left <= 0 && !announced) break;
      if (announced !== letter) this.announce(wire, letter, chunks);
      announced = undefined;
      const heard = await this.heard(wire, letter, chunks);
      if (heard === 'some') return; // of one message no half is sent
      if (heard === 'none') {
        if (!yes(await wire.command('RSET'))) return;
        await sleep(50 + randomInt(200));
        continue;
      }
      wire.send(chunks ? `BDAT ${letter.size} LAST\r\n${letter.data}` : `${letter.data.replace(/^\./gm, '..')}.\r\n`);
      if (randomInt(1000) < this.impatient) {
        await sleep(randomInt(20));
        return;
      }
      // The next one's envelope goes right behind (RFC 2920).
      if (!this.pause && left > 1) announced = client.queue[1] ?? this.next(client);
      if (announced) this.announce(wire, announced, chunks);
      const reply = await wire.wanted('dot');
      client.queue.shift();
      if (yes(reply)) this.keep(letter, reply, client);
      else client.queue.push(letter);
      if (this.pause || !yes(reply)) await sleep(this.pause + randomInt(100));
    }
    await wire.command('QUIT');
  }

  announce(wire, letter, chunks) {
    wire.send([`MAIL FROM:<${letter.from}>${letter.eight ? ' BODY=8BITMIME' : ''}`, ...letter.to.map((to) => `RCPT TO:<${to}>`),
      ...(chunks ? [] : ['DATA']), ''].join('\r\n'));
  }

  /** Whether the envelope was taken: "all" of it, "some", or "none". After a 4xx some commands are in bad order. */
  async heard(wire, letter, chunks) {
    const replies = [await wire.wanted('MAIL')];
    for (let i = 0; i < letter.to.length; i++) replies.push(yes(replies[0]) ? await wire.wanted('RCPT') : await wire.reply('RCPT'));
    const whole = replies.every(yes);
    if (chunks) return whole ? 'all' : 'none';
    const go = whole ? await wire.wanted('DATA') : await wire.reply('DATA');
    if (go.code !== 354) return 'none';
    return whole ? 'all' : 'some';
  }

  keep(letter, reply, client) {
    const id = reply.text.match(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/)?.[0];
    const now = Date.now();
    this.taken.set(letter.token, id);
    this.count.set(client, (this.count.get(client) ?? 0) + 1);
    this.gap = Math.max(this.gap, now - this.last);
    this.last = now;
  }

  /** The longest time without a 250 since the last call, in ms; "until now" counts. */
  takeGap() {
    const gap = Math.max(this.gap, Date.now() - this.last);
    this.gap = 0;
    return gap;
  }
}
