// smarthost.mjs: the mail server the courier hands everything to, in the test's own
// hands: it notes every session and mail, and behaves as badly as it is told.
import net from 'node:net';
import tls from 'node:tls';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { sleep, until } from './process.mjs';

const soft = /=\r\n/g;

/** The text part of a mail of ours, and what tests ask of its header. */
export function readMail(raw) {
  const end = raw.indexOf('\r\n\r\n');
  const header = raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const field = (name) => header.match(new RegExp(`^${name}: (.*)$`, 'im'))?.[1];
  const boundary = field('Content-Type')?.match(/boundary="([^"]+)"/)?.[1];
  const body = raw.slice(end + 4);
  const part = boundary ? body.split(`--${boundary}`)[1] : body;
  const text = part.replace(soft, '').replace(/=([0-9A-F]{2})/g,
    (all, hex) => String.fromCharCode(parseInt(hex, 16)));
  return { raw, header, body, field, text: Buffer.from(text, 'latin1').toString(),
    id: field('Message-ID'), subject: field('Subject') };
}

export class SmartHost {
  /**
   * say: (verb, mail) => a reply to give instead of the usual one, undefined for the
   * usual one, or 'cut' to end the connection. Verbs: CONNECT MAIL RCPT DATA END.
   */
  constructor() {
    Object.assign(this, { mails: [], sessions: 0, say: () => undefined, delay: 0 });
  }

  async listen(port = 0) {
    this.server = net.createServer((socket) => this.serve(socket));
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    return this;
  }

  /** The key and chain of an installation, read when first needed. */
  useTls(state) {
    this.state = state;
  }

  get context() {
    return this.secret ??= tls.createSecureContext({
      key: readFileSync(path.join(this.state, 'tls/server.key')),
      cert: readFileSync(path.join(this.state, 'tls/server.pem')),
    });
  }

  async close() {
    this.server.close();
    await sleep(0);
  }

  serve(plain) {
    const session = { number: ++this.sessions, socket: plain, secure: false, mail: {} };
    plain.on('error', () => {});
    this.attach(session, plain);
    this.reply(session, 'CONNECT', '220 smarthost.example');
  }

  attach(session, socket) {
    session.socket = socket;
    session.received = '';
    session.busy = Promise.resolve();
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      session.received += bytes.toString('latin1');
      session.busy = session.busy.then(() => this.read(session));
    });
  }

  async read(session) {
    while (await this.next(session));
  }

  /** The next command, or the mail, when all of it is there. */
  async next(session) {
    const stop = session.received.indexOf(session.inData ? '\r\n.\r\n' : '\r\n');
    if (stop < 0) return false;
    const line = session.received.slice(0, stop);
    session.received = session.received.slice(stop + (session.inData ? 5 : 2));
    if (session.inData) await this.take(session, line);
    else await this.command(session, line);
    return true;
  }

  async take(session, stuffed) {
    session.inData = false;
    const mail = Object.assign(readMail(`${stuffed.replace(/^\./gm, '')}\r\n`), session.mail,
      { session: session.number, secure: session.secure, at: Date.now() });
    this.mails.push(mail);
    await sleep(this.delay);
    mail.answer = await this.reply(session, 'END', '250 2.0.0 Queued', mail);
  }

  async command(session, line) {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') {
      const offers = !session.secure && this.state ? '250-STARTTLS\r\n' : '';
      session.socket.write(`250-smarthost.example\r\n${offers}250 8BITMIME\r\n`);
    } else if (verb === 'STAR') {
      this.startTls(session);
    } else if (verb === 'MAIL') {
      session.mail = { from: line.match(/<(.*?)>/)[1] };
      await this.reply(session, 'MAIL', '250 2.1.0 Fine');
    } else if (verb === 'RCPT') {
      session.mail.to = line.match(/<(.*?)>/)[1];
      const answer = await this.reply(session, 'RCPT', '250 2.1.5 Fine', session.mail);
      session.mail.fine = answer.startsWith('250');
    } else if (verb === 'DATA') {
      const usual = session.mail.fine ? '354 Go on' : '554 5.5.1 No recipient';
      session.inData = (await this.reply(session, 'DATA', usual, session.mail)).startsWith('354');
    } else if (verb === 'QUIT') {
      session.socket.end('221 2.0.0 Bye\r\n');
    } else {
      session.socket.write('250 2.0.0 Fine\r\n');
    }
  }

  startTls(session) {
    session.socket.write('220 2.0.0 Go on\r\n');
    session.socket.removeAllListeners('data');
    session.secure = true;
    this.attach(session, new tls.TLSSocket(session.socket,
      { isServer: true, secureContext: this.context }));
  }

  async reply(session, verb, usual, mail) {
    const told = await this.say(verb, mail, session);
    if (told === 'cut') session.socket.destroy();
    else if (!session.socket.destroyed) session.socket.write(`${told ?? usual}\r\n`);
    return told ?? usual;
  }

  /** Waits for `count` mails to an address that were answered with `answer`. */
  async wait(to, { count = 1, answer = /^250/, timeout = 20000 } = {}) {
    const found = () => this.mails.filter((m) => m.to === to && answer.test(m.answer ?? ''));
    return until(() => found().length >= count && found(), { timeout, what: `${count} mail to ${to}` });
  }
}
