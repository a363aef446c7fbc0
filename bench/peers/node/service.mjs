/**
 * What `../service.py` does, for Node.js: asked line by line, it measures, and answers in a line.
 */

import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";

const CONNECTIONS = 8; // more than a client opens while it sets up a database

// Answers alone go to stdout.
console.log = console.info = console.debug = console.warn = console.error;

/** What so many steps make of a text. */
export function rotated(text, steps) {
  return text.slice(steps) + text.slice(0, steps);
}

/**
 * What so many connections of a LibSQL client say. It opens a further one whenever calls overlap,
 * and need not set it up as it did the first; asking opens some, too, so it must be asked last.
 */
export async function pragmas(client, connections) {
  const transactions = [];
  for (let index = 0; index < connections; index++) {
    transactions.push(await client.transaction("read"));
  }
  const found = {};
  for (const name of ["journal_mode", "synchronous"]) {
    const said = new Set();
    for (const transaction of transactions) {
      said.add((await transaction.execute(`PRAGMA ${name}`)).rows[0][name]);
    }
    found[name] = [...said].join(" or ");
  }
  for (const transaction of transactions) transaction.close();
  return found;
}

/** Lets the connections that a LibSQL client has sync their commits, as later ones do by default. */
export async function syncAlways(client) {
  const transactions = [];
  for (let index = 0; index < CONNECTIONS; index++) {
    await client.execute("PRAGMA synchronous = FULL");
    transactions.push(await client.transaction("read")); // the next call gets another connection
  }
  for (const transaction of transactions) transaction.close();
}

/** The version of an installed package. */
export function version(name) {
  const require = createRequire(import.meta.url);
  const main = require.resolve(name);
  const folder = main.slice(0, main.lastIndexOf(`node_modules/${name}/`));
  return require(`${folder}node_modules/${name}/package.json`).version;
}

/** `contender` has what the abstract class in `../service.py` asks for. */
export async function answerAll(contender) {
  const sources = new Map();
  for await (const line of createInterface({ input: process.stdin })) {
    let said;
    try {
      said = { answer: await answer(contender, JSON.parse(line), sources) };
    } catch (error) {
      said = { error: String(error).slice(0, 2000) };
    }
    writeSync(1, `${JSON.stringify(said)}\n`);
  }
  process.exit(0);
}

async function answer(contender, question, sources) {
  const { do: what, callers, seconds, steps, times, runs, text, connections } = question;
  switch (what) {
    case "rate":
      return { per_s: await rate(contender, callers, seconds) };
    case "source": {
      const begun = performance.now();
      const runId = await contender.run(steps);
      const took = performance.now() - begun;
      sources.set(steps, { runId, seen: await contender.look(runId, steps) });
      return { took_s: took / 1000 };
    }
    case "travel":
      return { ms: await travels(contender, sources.get(steps).runId, steps, times) };
    case "fill":
      for (let index = 0; index < runs; index++) await contender.run(steps, text ?? undefined);
      return {};
    case "facts": {
      let keeps = true;
      for (const [length, { runId, seen }] of sources) {
        keeps &&= isDeepStrictEqual(await contender.look(runId, length), seen);
      }
      return { ...(await contender.facts(connections)), keeps_source: keeps };
    }
    case "place":
      return contender.place();
    default:
      throw new Error(`nobody knows how to do ${what}`);
  }
}

async function travels(contender, runId, steps, times) {
  const found = [];
  for (let index = 0; index < times; index++) {
    const before = contender.calls;
    const begun = performance.now();
    await contender.travel(runId, steps);
    found.push(performance.now() - begun);
    assert.equal(contender.calls, before + 1, "steps executed again");
  }
  return found;
}

async function rate(contender, callers, seconds) {
  const begun = performance.now();
  let runs = 0;
  const calling = async () => {
    while (performance.now() < begun + seconds * 1000) {
      await contender.run(10);
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, calling));
  return (runs / (performance.now() - begun)) * 1000;
}
