import assert from "node:assert/strict";
import { test } from "node:test";

import { endpoint } from "../src/endpoint.js";

await test("a target is host and port, with TLS by option or by scheme", () => {
  assert.equal(endpoint("127.0.0.1:7070", {}).url, "http://127.0.0.1:7070");
  assert.equal(endpoint("unix:/run/runs", {}).url, "http://localhost");
  assert.equal(endpoint("[::1]:7070", {}).url, "http://[::1]:7070");
  assert.equal(endpoint("http://runs:7070", {}).url, "http://runs:7070");
  assert.equal(endpoint("runs:7070", { tls: true }).url, "https://runs:7070");
  assert.deepEqual(endpoint("https://runs", {}), {
    url: "https://runs",
    session: {},
    token: undefined,
  });
});

await test("certificates and the server's name are what HTTP/2 calls them", () => {
  const { session } = endpoint("runs:7070", { tls: { ca: "pem", serverName: "runs.example" } });

  assert.deepEqual(session, { ca: Buffer.from("pem"), servername: "runs.example" });
});

await test("a target that is none, or contradicts the options, is refused", () => {
  for (const target of ["", "a b:1", "runs:99999", "runs:7070/path"]) {
    assert.throws(() => endpoint(target, {}), TypeError, target);
  }
  assert.throws(() => endpoint("http://runs:7070", { tls: true }), /contradicts/);
  assert.throws(() => endpoint("https://runs:7070", { tls: false }), /contradicts/);
  assert.throws(() => endpoint("unix:/run/runs", { tls: true }), /contradicts/);
});

await test("a token is not sent in the clear to another machine unless that is asked for", () => {
  assert.throws(() => endpoint("runs:7070", { token: "secret" }), /in the clear/);
  assert.throws(() => endpoint("127.example:7070", { token: "secret" }), /in the clear/);
  for (const target of ["127.0.0.1:1", "localhost:1", "[::1]:1", "https://runs", "unix:/r"]) {
    assert.equal(endpoint(target, { token: "secret" }).token, "secret");
  }
  assert.equal(endpoint("runs:7070", { token: "s", allowPlaintextToken: true }).token, "s");
});
