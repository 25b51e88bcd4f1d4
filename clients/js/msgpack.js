/**
 * MessagePack, as far as Hub speaks it: nil, booleans, integers, floats, text, arrays, maps with text keys.
 *
 * Binary and extension types have no JSON twin and are refused both ways. Decoding bounds the depth, does not trust a
 * length field, and refuses bytes after the value.
 */

/** Largest integer that is a number here: the protocol's own bound, 2^53. */
const INTEGER_MAX = 2 ** 53;
/** Deepest nesting of arrays and maps, either way. */
export const DEPTH_MAX = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The error for bytes that are not a MessagePack value, and for a value that MessagePack cannot encode. */
export class MsgpackError extends Error {
  name = "MsgpackError";
}

/**
 * Encodes a value. Members that are `undefined` are left out, as JSON does.
 * @param {unknown} value
 * @returns {Uint8Array}
 */
export function encode(value) {
  const writer = new Writer();
  writer.value(value, 0);
  return writer.bytes.subarray(0, writer.length);
}

/**
 * Decodes exactly one value. Integers beyond 2^53 become `BigInt`.
 * @param {Uint8Array | ArrayBuffer} bytes
 * @returns {unknown}
 */
export function decode(bytes) {
  const reader = new Reader(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
  const value = reader.value(0);
  if (reader.at !== reader.bytes.length) throw new MsgpackError("there are bytes after the value");
  return value;
}

class Writer {
  bytes = new Uint8Array(256);
  view = new DataView(this.bytes.buffer);
  length = 0;

  /** Makes room for `count` bytes and returns where they go. */
  claim(count) {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  byte(value) {
    const at = this.claim(1); // may replace `bytes`
    this.bytes[at] = value;
  }

  /** Writes a marker and a big-endian unsigned integer of 1, 2 or 4 bytes. */
  sized(marker, width, value) {
    const at = this.claim(1 + width);
    this.bytes[at] = marker;
    if (width === 1) this.view.setUint8(at + 1, value);
    else if (width === 2) this.view.setUint16(at + 1, value);
    else this.view.setUint32(at + 1, value);
  }

  /** Writes the header of a text, array or map: the short form, then the forms by width. */
  header(count, short, shortMax, wide) {
    if (count <= shortMax) return this.byte(short | count);
    const width = count < 0x100 && wide[1] ? 1 : count < 0x10000 ? 2 : 4;
    this.sized(wide[width], width, count);
  }

  value(value, depth) {
    if (depth > DEPTH_MAX) throw new MsgpackError("the value is nested too deep");
    if (value === null || value === undefined) return this.byte(0xc0);
    switch (typeof value) {
      case "boolean":
        return this.byte(value ? 0xc3 : 0xc2);
      case "number":
        return this.number(value);
      case "string": {
        const text = encoder.encode(value);
        this.header(text.length, 0xa0, 31, { 1: 0xd9, 2: 0xda, 4: 0xdb });
        const at = this.claim(text.length);
        this.bytes.set(text, at);
        return;
      }
      case "object":
        break;
      default:
        throw new MsgpackError(`a ${typeof value} has no MessagePack spelling`);
    }
    if (Array.isArray(value)) {
      this.header(value.length, 0x90, 15, { 2: 0xdc, 4: 0xdd });
      for (const item of value) this.value(item, depth + 1);
      return;
    }
    if (ArrayBuffer.isView(value)) throw new MsgpackError("binary data is not part of the protocol");
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    this.header(entries.length, 0x80, 15, { 2: 0xde, 4: 0xdf });
    for (const [key, member] of entries) {
      this.value(key, depth + 1);
      this.value(member, depth + 1);
    }
  }

  number(value) {
    if (!Number.isInteger(value) || Math.abs(value) > INTEGER_MAX) {
      if (!Number.isFinite(value)) throw new MsgpackError("a number must be finite");
      const at = this.claim(9);
      this.bytes[at] = 0xcb;
      this.view.setFloat64(at + 1, value);
    } else if (value >= 0) {
      if (value < 0x80) this.byte(value);
      else if (value < 0x100) this.sized(0xcc, 1, value);
      else if (value < 0x10000) this.sized(0xcd, 2, value);
      else if (value < 0x100000000) this.sized(0xce, 4, value);
      else this.wide(0xcf, value);
    } else if (value >= -0x20) this.byte(value & 0xff);
    else if (value >= -0x80) this.sized(0xd0, 1, value & 0xff);
    else if (value >= -0x8000) this.sized(0xd1, 2, value & 0xffff);
    else if (value >= -0x80000000) this.sized(0xd2, 4, value >>> 0);
    else this.wide(0xd3, value);
  }

  wide(marker, value) {
    const at = this.claim(9);
    this.bytes[at] = marker;
    this.view.setBigInt64(at + 1, BigInt(value));
  }
}

class Reader {
  at = 0;

  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Steps over `count` bytes and returns where they begin. */
  take(count) {
    const at = this.at;
    if (count > this.bytes.length - at) throw new MsgpackError("the bytes end in the middle of a value");
    this.at = at + count;
    return at;
  }

  length(width) {
    const at = this.take(width);
    return width === 1
      ? this.view.getUint8(at)
      : width === 2
        ? this.view.getUint16(at)
        : this.view.getUint32(at);
  }

  value(depth) {
    if (depth > DEPTH_MAX) throw new MsgpackError("the value is nested too deep");
    const marker = this.bytes[this.take(1)];
    if (marker < 0x80) return marker;
    if (marker < 0x90) return this.map(marker & 0x0f, depth);
    if (marker < 0xa0) return this.array(marker & 0x0f, depth);
    if (marker < 0xc0) return this.text(marker & 0x1f);
    if (marker >= 0xe0) return marker - 0x100;
    switch (marker) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.view.getFloat32(this.take(4));
      case 0xcb:
        return this.view.getFloat64(this.take(8));
      case 0xcc:
        return this.view.getUint8(this.take(1));
      case 0xcd:
        return this.view.getUint16(this.take(2));
      case 0xce:
        return this.view.getUint32(this.take(4));
      case 0xcf:
        return narrow(this.view.getBigUint64(this.take(8)));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return narrow(this.view.getBigInt64(this.take(8)));
      case 0xd9:
        return this.text(this.length(1));
      case 0xda:
        return this.text(this.length(2));
      case 0xdb:
        return this.text(this.length(4));
      case 0xdc:
        return this.array(this.length(2), depth);
      case 0xdd:
        return this.array(this.length(4), depth);
      case 0xde:
        return this.map(this.length(2), depth);
      case 0xdf:
        return this.map(this.length(4), depth);
      default:
        throw new MsgpackError(`the type 0x${marker.toString(16)} is not part of the protocol`);
    }
  }

  text(count) {
    const at = this.take(count);
    try {
      return decoder.decode(this.bytes.subarray(at, at + count));
    } catch {
      throw new MsgpackError("a text is not valid UTF-8");
    }
  }

  array(count, depth) {
    const items = [];
    for (let index = 0; index < count; index += 1) items.push(this.value(depth + 1));
    return items;
  }

  map(count, depth) {
    const map = {};
    for (let index = 0; index < count; index += 1) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw new MsgpackError("a key is not text");
      const value = this.value(depth + 1);
      // An assignment to `__proto__` would change the object's prototype instead of adding a member.
      if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true });
      else map[key] = value;
    }
    return map;
  }
}

function narrow(wide) {
  const number = Number(wide);
  return Math.abs(number) <= INTEGER_MAX && BigInt(number) === wide ? number : wide;
}
