// llhttp.mjs: reads the request cases of llhttp's tests (markdown): the bytes that are
// sent and what its parser says to them. Only cases of the strict parser are given.
import fs from 'node:fs/promises';
import path from 'node:path';
import { top } from './process.mjs';

export const llhttpFolder = path.join(path.resolve(top, process.env.CORPORA || '../shared/corpora'), 'http/llhttp/request');

// How the tests write bytes down: CRLF at every end of a line, the last one not
// counted; a backslash at the end joins lines; \r, \n, \t, \f, \xHH.
function bytesOf(text) {
  return text.replace(/\n$/, '')
    .replace(/\\(\r\n|\r|\n)/g, '')
    .replace(/\r\n|\r|\n/g, '\r\n')
    .replace(/\\r/g, '\r').replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\\f/g, '\f')
    .replace(/\\x([0-9a-fA-F]+)/g, (all, hex) => String.fromCharCode(parseInt(hex, 16)));
}

// Where its parser was told to stop, or stopped because the rest is no longer HTTP.
const noRefusal = /^(Pause on CONNECT\/Upgrade|Pause on PRI\/Upgrade|on_\w+ pause)$/;

function verdict(log) {
  const error = log.match(/error code=\d+ reason="(.*)"/)?.[1];
  return {
    refusal: error !== undefined && !noRefusal.test(error) ? error : undefined,
    // Whole messages it saw, and whether it stood between two of them at the end.
    messages: (log.match(/message complete/g) ?? []).length,
    begun: (log.match(/message begin/g) ?? []).length,
    heads: (log.match(/headers complete/g) ?? []).length,
    upgrade: /Pause on/.test(error ?? ''),
  };
}

/** [{ name, bytes, refusal, messages, begun, heads, upgrade }], undefined when the folder is not there. */
export async function llhttpCases(folder = llhttpFolder) {
  const files = await fs.readdir(folder).catch(() => undefined);
  if (!files) return undefined;
  const cases = [];
  for (const file of files.filter((name) => name.endsWith('.md')).sort()) {
    const text = await fs.readFile(path.join(folder, file), 'utf8');
    let title = '';
    let meta;
    let input;
    for (const [, head, json, kind, inner] of
      text.matchAll(/^#+ +(.*)$|^<!-- *meta=(.*?) *-->$|^```(http|log)\n([\s\S]*?)^```$/gm)) {
      if (head !== undefined) title = head;
      else if (json !== undefined) meta = JSON.parse(json);
      else if (kind === 'http') input = inner;
      else if (meta?.type === 'request' || meta?.type === 'request-finish') {
        cases.push({ name: `${file}: ${title}`, bytes: bytesOf(input), ...verdict(inner) });
      }
    }
  }
  return cases;
}
