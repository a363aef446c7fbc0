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

// In valid JSON: a string, which is passed over, or an integer that may be huge: 16 digits or more
// without fraction and exponent, as 2^53 has 16.
const TOKEN = /"(?:[^"\\]+|\\.)*"|(?<![.\deE+-])-?\d{16,}(?![.\deE])/g;
// Text without this holds no number that JSON.parse would change: no such integer, and nothing that
// overflows a double, which takes an exponent of three digits, or 300 of them before the point.
const MAY_BE_HUGE = /(?<![.\d])\d{16}|[eE]\+?\d{3}/;

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
  const path: Path = ["$"];
  try {
    return write(value, path);
  } catch (error) {
    throw error instanceof PayloadError ? new PayloadError(path.join("") + error.message) : error;
  }
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
  // JSON.parse rounds and, before Node 21, does not show its reviver the text. So huge integers
  // are made strings first, with a mark that nobody can have guessed.
  const mark = randomUUID();
  const marked = text.replace(TOKEN, (token) => (isHuge(token) ? `"${mark}${token}"` : token));
  return JSON.parse(marked, (_, item: unknown) => {
    if (typeof item === "string" && item.startsWith(mark)) {
      return BigInt(item.slice(mark.length));
    }
    if (item === Infinity || item === -Infinity) {
      throw new PayloadError("a number is beyond the range of doubles");
    }
    return item;
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PayloadError("the text is no JSON", { cause: error });
  }
}

function isHuge(token: string): boolean {
  return !token.startsWith('"') && !Number.isSafeInteger(Number(token));
}

/** Where in the value the walk is; stays there when it fails. */
type Path = string[];

function write(value: unknown, path: Path): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return String(value);
    case "bigint":
      return value.toString();
    case "number":
      return writeNumber(value);
    case "object":
      return value === null ? "null" : writeContainer(value, path);
    default:
      throw new PayloadError(`: ${typeof value} is not JSON`);
  }
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new PayloadError(`: ${value} is not JSON`);
  }
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded ? value.toExponential() : String(value);
}

function writeContainer(value: object, path: Path): string {
  if (path.length > LEVELS_MAX) {
    path.length = 1;
    throw new PayloadError(`: nests deeper than ${LEVELS_MAX} levels, or contains itself`);
  }
  if (Array.isArray(value)) {
    // Not map, which passes over holes.
    const items = Array.from(value, (item, i) => writeAt(`[${i}]`, item, path));
    return `[${items.join(",")}]`;
  }
  if (!isPlain(value)) {
    throw new PayloadError(`: ${value.constructor.name} is not JSON`);
  }
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(key)}:${writeAt(`.${key}`, item, path)}`);
  return `{${members.join(",")}}`;
}

function writeAt(place: string, item: unknown, path: Path): string {
  path.push(place);
  const text = write(item, path);
  path.pop();
  return text;
}

// Not of a class: Date, Map and the like would lose what they are. Compares no identities, as
// objects of another realm have another Object.prototype.
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
