/**
 * JSON text without loss: integers beyond 2^53 are bigint, in both directions.
 *
 * A number and a bigint are told apart by how they are written, so that a value that is read and
 * sent again stays what it was: digits alone beyond ±(2^53 - 1) are a bigint; digits alone within
 * it, and whatever has a fraction or an exponent, are a number.
 */

import { randomUUID } from "node:crypto";

/** A value that JSON text does not hold exactly. If it was to be sent, nothing was. */
export class PayloadError extends TypeError {
  /** Always the same, also where the class is another copy of this package's. */
  override readonly name = "PayloadError";
}

// Beyond every server's limit of 32 levels; ends the walk through a value that contains itself.
const LEVELS_MAX = 1000;

// In valid JSON: a string, which is passed over, or a number.
const TOKEN = /"(?:[^"\\]+|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
// Text without this holds no number that JSON.parse would change: 2^53 has 16 digits, and what
// overflows a double has an exponent of three.
const MAY_BE_HUGE = /\d{16}|[eE]\+?\d{3}/;

/**
 * The JSON text of a value.
 *
 * Properties that are undefined are left out, as JSON.stringify does. An integral number beyond
 * ±(2^53 - 1) is written with an exponent (`1e+20`): it is a double, which is all that is known.
 *
 * @throws PayloadError - The value holds something else than null, booleans, finite numbers,
 *   bigints, strings, arrays and plain objects. The message has the path to it.
 */
export function encodeJson(value: unknown): string {
  return write(value, "$", 0);
}

/**
 * The value of a JSON text.
 *
 * @throws PayloadError - It is no JSON, or holds a number beyond the range of doubles.
 */
export function decodeJson(text: string): unknown {
  const value = parse(text);
  if (!MAY_BE_HUGE.test(text)) {
    return value;
  }
  // JSON.parse rounds and, before Node 22, does not show its reviver the text. So huge integers
  // are made strings first, with a mark that nobody can have guessed.
  const mark = randomUUID();
  const marked = text.replace(TOKEN, (token) => (isHuge(token) ? `"${mark}${token}"` : token));
  return JSON.parse(marked, (_, item: unknown) =>
    typeof item === "string" && item.startsWith(mark) ? BigInt(item.slice(mark.length)) : item,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PayloadError("the text is no JSON", { cause: error });
  }
}

function isHuge(token: string): boolean {
  if (token.startsWith('"')) {
    return false;
  }
  const value = Number(token);
  if (/[.eE]/.test(token)) {
    if (!Number.isFinite(value)) {
      throw new PayloadError(`${token} is beyond the range of doubles`);
    }
    return false;
  }
  return !Number.isSafeInteger(value);
}

function write(value: unknown, path: string, level: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return String(value);
    case "bigint":
      return value.toString();
    case "number":
      return writeNumber(value, path);
    case "object":
      return value === null ? "null" : writeContainer(value, path, level + 1);
    default:
      throw new PayloadError(`${path}: ${typeof value} is not JSON`);
  }
}

function writeNumber(value: number, path: string): string {
  if (!Number.isFinite(value)) {
    throw new PayloadError(`${path}: ${value} is not JSON`);
  }
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded ? value.toExponential() : String(value);
}

function writeContainer(value: object, path: string, level: number): string {
  if (level > LEVELS_MAX) {
    throw new PayloadError(`${path}: nests deeper than ${LEVELS_MAX} levels, or contains itself`);
  }
  if (Array.isArray(value)) {
    // Not map, which passes over holes.
    const items = Array.from(value, (item, i) => write(item, `${path}[${i}]`, level));
    return `[${items.join(",")}]`;
  }
  if (!isPlain(value)) {
    throw new PayloadError(`${path}: ${value.constructor.name} is not JSON`);
  }
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(key)}:${write(item, `${path}.${key}`, level)}`);
  return `{${members.join(",")}}`;
}

// Not an instance of a class: Date, Map and the like would lose what they are. Compares no
// identities, as objects of another realm have another Object.prototype.
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
