// intake_kills.mjs: the kills under load and their control, small for `make test` and large
// for tests/fault/intake. check(name, fn) runs one and notes how it ended.
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation, scratch } from './installation.mjs';
import { moreReaders, ready, startSink, storm, wrong } from './storm.mjs';
import { bin, must } from './process.mjs';

const WELL_AGAIN = 30000;

async function house(options = {}) {
  const sink = await startSink();
  const inst = await startInstallation({ ...options, env: { RESTANTE_SMARTHOST: `127.0.0.1:${sink.port}` } });
  return { inst, sink, stop: async () => { await inst.stop(); sink.close(); } };
}

export async function kills(check, { kills: n, messages, senders, seconds, width = 4, tell }) {
  await check(`${n} kills under the load of ${senders} clients lose and double nothing`, async () => {
    const { inst, sink, stop } = await house();
    try {
      const readers = await moreReaders(inst, 6);
      const done = await storm(inst, readers, { kills: n, messages, senders, seconds, tell });
      const { taken, log } = done.senders;
      tell?.(`killed ${JSON.stringify(done.count)}; longest without a 250 after each, ms ${JSON.stringify(done.gaps)}; answers ${
        JSON.stringify(log.codes)}; ${log.lost} connections lost, ${log.unreached} not made`);
      await ready(inst);
      const began = Date.now();
      const { text, opened } = await wrong(inst, readers, done.senders, { width, tell });
      const told = `${done.kills} kills, ${taken.size} acknowledged in ${Math.round(done.seconds)} s, ${opened} opened by their readers in ${
        Math.round((Date.now() - began) / 1000)} s, longest without a 250 ${done.worst} ms (after ${done.after}), ${sink.taken} notices`;
      const short = [text];
      if (done.worst > WELL_AGAIN) short.push(`${done.worst} ms without a 250 after ${done.after}`);
      if (done.kills < n || taken.size < messages) short.push('not so many as were asked for');
      if (short.some(Boolean)) throw new Error(`${short.filter(Boolean).join('\n')}\n${told}`);
      return `${told}, all byte-identical`;
    } finally {
      await stop();
    }
  });
}

/** The usual programs, with the intake that answers too early. */
async function tooEarly() {
  await must('make', ['-s', `B=${bin}`, 'answer-early'], { timeout: 600000 });
  const dir = await scratch('answer-early-');
  for (const name of ['restante-keyd', 'restante-courier', 'restantectl']) {
    await fs.symlink(path.join(bin, name), path.join(dir, name));
  }
  await fs.symlink(path.join(bin, 'answer-early/restante'), path.join(dir, 'restante'));
  return dir;
}

/** The same clients and the same look at what became of it find out who says 250 before the commit. */
export async function control(check, { kills: n, messages, senders, width = 4 }) {
  await check('control: who says 250 before the commit is caught', async () => {
    const dir = await tooEarly();
    const { inst, stop } = await house({ bin: dir });
    try {
      const readers = await moreReaders(inst, 0);
      for (let done = 0; done < n; done += 4) {
        const storms = await storm(inst, readers, { kills: 4, messages: (messages * 4) / n, senders,
          which: ['intake worker', 'postmaster', 'backend of intake'] });
        await ready(inst);
        const { faults } = await wrong(inst, readers, storms.senders, { width });
        if (faults.lost.length) return `${faults.lost.length} lost after ${done + 4} kills`;
      }
    } finally {
      await stop();
      await fs.rm(dir, { recursive: true, force: true });
    }
    throw new Error('nothing was lost: this test finds nothing');
  });
}
