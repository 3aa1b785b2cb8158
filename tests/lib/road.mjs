// road.mjs: the steps of the road without a browser, for tests that need many of them.
import { Visitor } from './web.mjs';
import { demoPassword } from './installation.mjs';

/** The path of the link in a notice, and the code in a code mail. */
export const linkPath = (mail) => new URL(mail.text.match(/https:\/\/\S+\/m\/\S+/)[0]).pathname;
export const codeIn = (mail) => mail.text.match(/\b([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})\b(?![\s\S]*\/m\/)/)[1];

/** From a notice to a guest who reads: { visitor, code, page }. */
export async function pickUp(inst, host, address, notice) {
  const visitor = new Visitor(inst, host);
  await visitor.go(linkPath(notice));
  const before = await inst.catcher.mails({ to: address });
  await visitor.submit({ address }, { which: /name="address"/ });
  const mail = await inst.catcher.wait({ to: address, subject: /code/i, after: before });
  const code = codeIn(mail);
  const page = await visitor.submit({ code }, { which: /name="code"/ });
  return { visitor, code, page };
}

/** A member (or anybody with an account) who signed in. */
export async function signIn(inst, host, address, password = demoPassword) {
  const visitor = new Visitor(inst, host);
  await visitor.go('/login');
  await visitor.submit({ address, password }, { which: /name="password"/ });
  return visitor;
}

/** Ids of messages linked from a page, in order. */
export const messageIds = (html) => [...new Set([...html.matchAll(/\/message\/([0-9a-f-]{36})"/g)].map(([, id]) => id))];

/** Every page of a list, newest first, until there is no older one: the HTML together. */
export async function wholeList(visitor, where = '/inbox') {
  let html = '';
  for (let next = where; next;) {
    const page = await visitor.go(next);
    html += page.text;
    next = page.text.match(new RegExp(`href="(${where}\\?before=[\\w.-]+)"`))?.[1];
  }
  return html;
}
