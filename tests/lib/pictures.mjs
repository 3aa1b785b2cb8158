// pictures.mjs: takes the pictures of the README from a running installation:
//   node tests/lib/pictures.mjs [directory]        (doc/img)
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startInstallation } from './installation.mjs';
import { launchBrowser, newPerson } from './browser.mjs';
import { sendMail } from './smtp.mjs';
import { codeIn, linkPath } from './road.mjs';
import { top } from './process.mjs';

const dir = path.resolve(process.argv[2] ?? path.join(top, 'doc/img'));
await mkdir(dir, { recursive: true });
// The pictures show the ports a reader will see.
const inst = await startInstallation({ env: { HTTPS_PORT: 8443 } });
const browser = await launchBrowser();

const body = `Dear Carol,\r\n\r\nthe figures for the third quarter are attached, as agreed on Tuesday. Please treat them as confidential until the 27th.\r\n\r\n`
  + `The second sheet has the open points; I would be glad of your answer by Wednesday.\r\n\r\nKind regards\r\nAlice\r\n`;
const boundary = 'between-parts';

try {
  await sendMail(inst, { from: 'alice@acme.example', to: 'carol@partner.example', subject: 'Quarterly figures',
    headers: { From: 'Alice Example <alice@acme.example>', 'MIME-Version': '1.0', 'Content-Type': `multipart/mixed; boundary=${boundary}` },
    body: `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}--${boundary}\r\nContent-Type: application/pdf; name="figures-q3.pdf"\r\n`
      + `Content-Disposition: attachment; filename="figures-q3.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.alloc(96000, 'figures ').toString('base64').replace(/(.{76})/g, '$1\r\n')}\r\n--${boundary}--\r\n` });
  const notice = await inst.catcher.wait({ to: 'carol@partner.example' });
  const person = await newPerson(browser, { viewport: { width: 640, height: 420 }, deviceScaleFactor: 2 });
  const page = await person.newPage();
  await page.setContent(notice.html);
  await page.screenshot({ path: path.join(dir, 'notice.png'), fullPage: true });
  const carol = await newPerson(browser, { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2 });
  const phone = await carol.newPage();
  await phone.goto(inst.url('acme.localhost', linkPath(notice)));
  await phone.fill('input[name=address]', 'carol@partner.example');
  await phone.click('button');
  await phone.waitForSelector('input[name=code]');
  const mail = await inst.catcher.wait({ to: 'carol@partner.example', subject: /code/i });
  await phone.fill('input[name=code]', codeIn(mail));
  await phone.click('button');
  await phone.waitForURL(/\/message\//);
  await phone.screenshot({ path: path.join(dir, 'message.png'), fullPage: true });
  console.log(dir);
} finally {
  await browser.close();
  await inst.stop();
}
