/**
 * Frames to what a WebSocket sends and back, in both sub-protocols. One map per message.
 */

import { decode, encode } from "./msgpack.js";

/** Node 18 keeps the generator of browsers in a module; nowhere else is it asked for. */
const crypto = globalThis.crypto ?? (await import("node:crypto")).webcrypto;

/** The sub-protocols, the default first. */
export const SUBPROTOCOLS = { msgpack: "hub.v1.msgpack", json: "hub.v1.json" };

/** Encodes a frame in the sub-protocol. */
export function toWire(encoding, frame) {
  return encoding === "json" ? JSON.stringify(frame) : encode(frame);
}

/**
 * Reads a message of the hub.
 * @param {string | ArrayBuffer | Uint8Array} data
 * @returns {Record<string, any>}
 */
export function fromWire(data) {
  const frame = typeof data === "string" ? JSON.parse(data) : decode(data);
  if (frame === null || typeof frame !== "object" || typeof frame.t !== "string") {
    throw new TypeError("a frame of the hub is a map with the text `t`");
  }
  return frame;
}

/** A fresh idempotency key: 128 random bits, hexadecimal. Never used twice. */
export function newKey() {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

/** Bytes as lower-case hexadecimal digits. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
