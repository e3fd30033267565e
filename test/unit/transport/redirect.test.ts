import assert from "node:assert/strict";
import { test } from "node:test";
import { redirectTarget, type Redirect } from "../../../src/transport/redirect.ts";

const target = (redirect: Partial<Redirect>) =>
  redirectTarget({
    method: "GET",
    origin: "http://gpu:8080",
    path: "/v1/models",
    status: 307,
    location: "/models",
    followed: 0,
    ...redirect,
  });

test("a redirect is followed within its origin, by a path or a whole address", () => {
  assert.equal(target({}), "/models");
  assert.equal(target({ location: "?all=1" }), "/v1/models?all=1");
  assert.equal(target({ location: "http://gpu:8080/other#part" }), "/other");
  assert.equal(target({ followed: 2 }), "/models");
});

test("a redirect elsewhere, of what would be sent twice, or once too often is not followed", () => {
  const refused: Partial<Redirect>[] = [
    { location: "https://gpu:8080/models" },
    { location: "//elsewhere/models" },
    { location: "http://me:word@gpu:8080/models" },
    { location: "" },
    { location: undefined },
    { method: "POST" },
    { status: 300 },
    { followed: 3 },
  ];
  for (const redirect of refused) assert.equal(target(redirect), undefined, JSON.stringify(redirect));
});
