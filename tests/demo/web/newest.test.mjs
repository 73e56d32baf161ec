// Requests about something that changes faster than the server answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settle } from "node:timers/promises";
import { newestOnly } from "../../../demo/inkgrad_demo/web/newest.js";

// A server whose answers the test gives: answer(value) or fail() for the oldest request.
function createServer() {
  const waiting = [];
  const sent = [];
  return {
    sent,
    send(state) {
      sent.push(state);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    async answer(value) {
      waiting.shift().resolve(value);
      await settle();
    },
    async fail() {
      waiting.shift().reject(new Error("no answer"));
      await settle();
    },
  };
}

function createRequests(server, { state = () => server.sent.length, failed = () => 0 } = {}) {
  const answers = [];
  const answered = (answer) => answers.push(answer);
  return { answers, ...newestOnly(() => server.send(state()), { answered, failed }) };
}

test("one request is under way at a time, and the newest state follows", async () => {
  const server = createServer();
  let state = "a";
  const { request, answers } = createRequests(server, { state: () => state });
  request();
  for (state of ["b", "c", "d"]) request();
  assert.deepEqual(server.sent, ["a"]);
  await server.answer(1);
  assert.deepEqual(server.sent, ["a", "d"]); // b and c were never sent
  await server.answer(2);
  assert.deepEqual(server.sent, ["a", "d"]); // nothing has changed since
  assert.deepEqual(answers, [1, 2]);
});

test("after forget() the answer under way does not count", async () => {
  const server = createServer();
  const { request, forget, answers } = createRequests(server);
  request();
  forget();
  await server.answer("late");
  assert.deepEqual(answers, []);
  assert.equal(server.sent.length, 1);
  request();
  await server.answer("new");
  assert.deepEqual(answers, ["new"]);
});

test("a request that failed is sent again", async () => {
  const server = createServer();
  let failures = 0;
  const { request, answers } = createRequests(server, {
    failed() {
      failures += 1;
      return 1; // millisecond until the next try
    },
  });
  request();
  await server.fail();
  assert.equal(failures, 1);
  while (server.sent.length < 2) await settle();
  await server.answer("at last");
  assert.deepEqual(answers, ["at last"]);
});

test("a failed request that is forgotten is not sent again", async () => {
  const server = createServer();
  const { request, forget } = createRequests(server, { failed: () => 1 });
  request();
  forget();
  await server.fail();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(server.sent.length, 1);
});

test("a request that can only be refused again is not repeated, another state is sent", async () => {
  const server = createServer();
  const { request, answers } = createRequests(server, { failed: () => null });
  request();
  await server.fail();
  assert.equal(server.sent.length, 1);
  request();
  await server.answer("new");
  assert.deepEqual(answers, ["new"]);
  request();
  request(); // while the one before is under way
  await server.fail();
  assert.equal(server.sent.length, 4);
});
