import assert from "node:assert/strict";
import { test } from "node:test";

import { PayloadError, decodeJson, encodeJson } from "../src/json.js";

await test("integers beyond 2^53 are bigints, and are never rounded", () => {
  const text = '{"id":9007199254740993,"all":[-12345678901234567890123,9007199254740992]}';

  const value = decodeJson(text);

  assert.deepEqual(value, {
    id: 9007199254740993n,
    all: [-12345678901234567890123n, 9007199254740992n],
  });
  assert.equal(encodeJson(value), text);
});

await test("integers within 2^53 are numbers, whatever they were sent as", () => {
  assert.equal(decodeJson("9007199254740991"), Number.MAX_SAFE_INTEGER);
  assert.equal(decodeJson("-9007199254740991"), Number.MIN_SAFE_INTEGER);
  assert.equal(encodeJson([7n, 7, -0]), "[7,7,0]");
});

await test("a number beyond 2^53 stays a number when it is read again", () => {
  for (const number of [2 ** 60, -(2 ** 53), 1e20, 1e300, Number.MAX_VALUE]) {
    const text = encodeJson(number);

    assert.match(text, /e\+/);
    assert.equal(decodeJson(text), number);
  }
});

await test("fractions and exponents are numbers even with many digits", () => {
  assert.equal(decodeJson("0.12345678901234567890"), 0.12345678901234568);
  assert.equal(decodeJson("12345678901234567890.0"), 12345678901234567000);
  assert.equal(decodeJson("1E+100"), 1e100);
});

await test("a number beyond the range of doubles is refused, not infinite", () => {
  const digits = "9".repeat(400);
  for (const text of [
    "1e400",
    "[-1E+999]",
    `${digits}.5`,
    `[1e${digits}]`,
    "12345678901234567e299",
  ]) {
    assert.throws(() => decodeJson(text), PayloadError, text);
  }
  assert.deepEqual(decodeJson(`[${digits},1e-${digits},-1e-1234567890123456]`), [
    BigInt(digits),
    0,
    -0,
  ]);
});

await test("strings with digits, quotes and escapes in them are left alone", () => {
  const value = {
    "12345678901234567890": '12345678901234567890 "\\" 9007199254740993',
    "a\\": ["\\", "\u2028é😀", "1e400", ""],
    huge: 12345678901234567890n,
  };

  assert.deepEqual(decodeJson(encodeJson(value)), value);
});

await test("a huge text with a huge integer in it is read at once", () => {
  const value = ["x\\".repeat(700_000), 12345678901234567890n];

  assert.deepEqual(decodeJson(encodeJson(value)), value);
});

await test("properties that are undefined are left out", () => {
  assert.equal(encodeJson({ a: undefined, b: null }), '{"b":null}');
});

await test("a name like __proto__ is a property like any other", () => {
  const text = '{"__proto__":{"huge":12345678901234567890}}';

  const value = decodeJson(text);

  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal(encodeJson(value), text);
});

await test("what is not JSON is refused, with the path to it", () => {
  const ring: unknown[] = [];
  ring.push(ring);
  const cases: [unknown, RegExp][] = [
    [{ a: [1, NaN] }, /^\$\.a\[1\]: NaN/],
    [[Infinity], /^\$\[0\]: Infinity/],
    [{ at: new Date(0) }, /^\$\.at: Date/],
    [new Map(), /^\$: Map/],
    [[undefined], /^\$\[0\]: undefined/],
    [new Array(1), /^\$\[0\]: undefined/],
    [{ f: () => 1 }, /^\$\.f: function/],
    [{ s: Symbol("s") }, /^\$\.s: symbol/],
    [ring, /contains itself/],
  ];
  for (const [value, message] of cases) {
    assert.throws(() => encodeJson(value), { name: "PayloadError", message });
  }
  assert.throws(() => decodeJson("{"), PayloadError);
});
