// cpu.mjs: how much processor time processes have taken, children that ended included.
import fs from 'node:fs/promises';
import { descendants } from '../../lib/process.mjs';

const TICK_MS = 10; // USER_HZ is 100 on Linux

/** Milliseconds of a process and of everything below it since they began. */
export async function cpuBelow(root) {
  let ticks = 0;
  for (const pid of [root, ...await descendants(root)]) {
    const text = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // Behind the name, in parentheses: utime, stime, cutime, cstime are 14 to 17.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (text) ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  }
  return ticks * TICK_MS;
}
