// smtp.mjs: SMTP spoken by hand, line by line, so that a test can be rude.
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { demoPassword } from './installation.mjs';

/**
 * Connects and reads the greeting. Options: secure ("none", "starttls", "implicit"),
 * helo (said at once, before and after STARTTLS; null says nothing), auth ({ user,
 * password }; true of a member's address takes the demo password), localAddress to come
 * from, another port, shown ({ cert, key } of the client's own). Gives a Session; its `greeting` is the 220.
 */
export async function smtpConnect(inst, { secure = 'starttls', helo = 'client.example', auth, localAddress, port, shown } = {}) {
  const usual = secure === 'implicit' ? inst.ports.SMTPS_PORT : inst.ports.SMTP_PORT;
  let socket = net.connect({ port: port ?? usual, host: inst.host, localAddress });
  await once(socket, 'connect');
  if (secure === 'implicit') socket = await encrypt(socket, inst.ca, shown);
  const session = new Session(socket, inst.ca, shown);
  session.greeting = await session.reply();
  if (helo) session.ehlo = await session.command(`EHLO ${helo}`);
  if (secure === 'starttls') {
    await session.startTls();
    if (helo) session.ehlo = await session.command(`EHLO ${helo}`);
  }
  if (auth) {
    const { user, password = demoPassword } = typeof auth === 'string' ? { user: auth } : auth;
    session.auth = await session.authPlain(user, password);
  }
  return session;
}

async function encrypt(socket, ca, shown) {
  const secured = tls.connect({ socket, servername: 'localhost', ca, ...shown });
  await once(secured, 'secureConnect');
  return secured;
}

export class Session {
  constructor(socket, ca, shown) {
    Object.assign(this, { ca, shown });
    this.attach(socket);
  }

  attach(socket) {
    this.socket = socket;
    this.received = '';
    this.closed = false;
    const over = () => { this.closed = true; this.wake?.(); };
    socket.on('data', (d) => { this.received += d.toString('latin1'); this.wake?.(); });
    socket.on('error', over).on('end', over).on('close', over);
  }

  /** The next reply, however many lines: { code, lines, text }. Throws when the connection ends first. */
  async reply(timeout = 30000) {
    const timer = setTimeout(() => this.socket.destroy(new Error('timeout')), timeout);
    try {
      for (;;) {
        const match = /^((?:\d{3}-[^\r\n]*\r\n)*)(\d{3})(?: [^\r\n]*)?\r\n/.exec(this.received);
        if (match) {
          this.received = this.received.slice(match[0].length);
          const lines = match[0].split('\r\n').slice(0, -1).map((line) => line.slice(4));
          return { code: Number(match[2]), lines, text: match[0].trimEnd() };
        }
        if (this.closed) throw new Error(`connection ended; unread: ${JSON.stringify(this.received)}`);
        await new Promise((wake) => { this.wake = wake; });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Bytes as they are. */
  send(bytes) {
    this.socket.write(bytes);
  }

  /** One line, and its reply. */
  command(line) {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  async startTls() {
    const { code, text } = await this.command('STARTTLS');
    if (code !== 220) throw new Error(`STARTTLS: ${text}`);
    this.socket.removeAllListeners();
    this.attach(await encrypt(this.socket, this.ca, this.shown));
  }

  authPlain(user, password) {
    return this.command(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
  }

  /** The data of a message after a 354: dots doubled, ended; gives the reply. */
  data(message) {
    const bytes = Buffer.isBuffer(message) ? message.toString('latin1') : message;
    const stuffed = bytes.replace(/^\./gm, '..');
    this.send(Buffer.from(`${stuffed}${stuffed.endsWith('\r\n') ? '' : '\r\n'}.\r\n`,
      Buffer.isBuffer(message) ? 'latin1' : 'utf8'));
    return this.reply();
  }

  /** A whole transaction; stops at the first reply that refuses. Gives the last reply. */
  async mail({ from, to, data }) {
    let reply = await this.command(`MAIL FROM:<${from}>`);
    for (const address of [to].flat()) {
      if (reply.code !== 250) return reply;
      reply = await this.command(`RCPT TO:<${address}>`);
    }
    if (reply.code !== 250) return reply;
    reply = await this.command('DATA');
    return reply.code === 354 ? this.data(data) : reply;
  }

  async quit() {
    const reply = await this.command('QUIT').catch(() => undefined);
    this.close();
    return reply;
  }

  close() {
    this.socket.destroy();
  }
}

/** A simple message; header values as they are given. */
export function compose({ from, to, subject = 'Hello', body = 'Hello.\r\n', headers = {} }) {
  const all = { From: from, To: [to].flat().join(', '), Subject: subject,
    Date: new Date().toUTCString().replace('GMT', '+0000'),
    'Message-ID': `<${Date.now()}.${Math.random().toString(36).slice(2)}@client.example>`, ...headers };
  return Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('') + `\r\n${body}`;
}

/** Sends one message as a member (or as nobody when `auth` is null). Gives the last reply. */
export async function sendMail(inst, { from, to, data, auth = from, ...parts }) {
  const session = await smtpConnect(inst, { auth });
  try {
    if (session.auth && session.auth.code !== 235) return session.auth;
    return await session.mail({ from, to, data: data ?? compose({ from, to, ...parts }) });
  } finally {
    await session.quit();
  }
}
