// ownserver.mjs: a tenant's own mail server, which forwarded messages are handed to: the
// smart host with several recipients a mail, extensions as told, and BDAT.
import { SmartHost, readMail } from './smarthost.mjs';
import { sleep } from './process.mjs';

export class OwnServer extends SmartHost {
  constructor() {
    super();
    Object.assign(this, { offers: ['8BITMIME'], commands: [] });
  }

  async next(session) {
    if (session.chunk === undefined) return super.next(session);
    if (session.received.length < session.chunk) return false;
    const piece = session.received.slice(0, session.chunk);
    session.received = session.received.slice(session.chunk);
    await this.takeChunk(session, piece);
    return true;
  }

  async takeChunk(session, piece) {
    session.chunk = undefined;
    session.pieces = (session.pieces ?? '') + piece;
    if (!session.last) return void session.socket.write('250 2.0.0 Piece\r\n');
    const whole = session.pieces;
    session.pieces = '';
    return this.whole(session, whole, true);
  }

  async take(session, stuffed) {
    session.inData = false;
    return this.whole(session, `${stuffed.replace(/^\./gm, '')}\r\n`, false);
  }

  async whole(session, raw, chunked) {
    const mail = Object.assign(readMail(raw), session.mail,
      { session: session.number, secure: session.secure, chunked, at: Date.now() });
    this.mails.push(mail);
    await sleep(this.delay);
    mail.answer = await this.reply(session, 'END', '250 2.0.0 Queued', mail);
  }

  async command(session, line) {
    const verb = line.slice(0, 4).toUpperCase();
    this.commands.push(line);
    if (verb === 'EHLO') {
      const offers = [...(!session.secure && this.state ? ['STARTTLS'] : []), ...this.offers];
      session.socket.write(['own.example', ...offers]
        .map((word, i, all) => `250${i === all.length - 1 ? ' ' : '-'}${word}\r\n`).join(''));
    } else if (verb === 'MAIL') {
      session.mail = { from: line.match(/<(.*?)>/)[1], rcpts: [], mailLine: line };
      await this.reply(session, 'MAIL', '250 2.1.0 Fine', session.mail);
    } else if (verb === 'RCPT') {
      const to = line.match(/<(.*?)>/)[1];
      const answer = await this.reply(session, 'RCPT', '250 2.1.5 Fine', { ...session.mail, to, line });
      if (answer.startsWith('250')) {
        session.mail.rcpts.push(to);
        session.mail.to = to;
        session.mail.fine = true;
      }
    } else if (verb === 'BDAT') {
      const [, size, last] = line.match(/^BDAT (\d+)( LAST)?$/i);
      session.last = last !== undefined;
      session.chunk = Number(size);
    } else {
      await super.command(session, line);
    }
  }
}

/** The blocks of a delivery status mail: { field: value } of the message, then of each recipient. */
export function readReport(raw) {
  const type = raw.match(/^Content-Type: (multipart\/report;[\s\S]*?)\r\n(?![ \t])/m)?.[1] ?? '';
  const boundary = type.match(/boundary="([^"]+)"/)?.[1];
  const parts = raw.split(`--${boundary}`).slice(1, -1).map((part) => {
    const end = part.indexOf('\r\n\r\n');
    return { header: part.slice(2, end), body: part.slice(end + 4) };
  });
  const fields = (text) => Object.fromEntries(text.trim().split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
  const [text, status, original] = parts;
  const [about, ...recipients] = status.body.trim().split('\r\n\r\n').map(fields);
  return { type, types: parts.map((p) => p.header.match(/Content-Type: ([^;\r\n]+)/)[1]),
    text: text.body.replace(/=\r\n/g, ''), about, recipients, original: original.body.trim() ? fields(original.body) : {} };
}
