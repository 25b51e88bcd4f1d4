/**
 * The errors of a client: what the hub answered, and failures of the connection.
 *
 * The ranges of the hub's codes say what to do next (docs/protocol.md); `retry` names it.
 */

const RETRIES = new Set(["never", "authenticate", "same_key", "ask_outcome"]);
/** A code that is final although its range is not: another token does not help a player who is not allowed to do it. */
const FORBIDDEN = 2003;

/**
 * What a client may do after an error: the hub's own advice, or that of the code's range where the advice is not known.
 * Outside all ranges it is the most careful: the outcome counts as unknown.
 */
function retryOf(code, word) {
  if (RETRIES.has(word)) return word;
  if (code === FORBIDDEN) return "never";
  switch (Math.floor(code / 1000)) {
    case 1:
    case 3:
      return "never";
    case 2:
      return "authenticate";
    case 4:
      return "same_key";
    default:
      return "ask_outcome";
  }
}

/** Why a request was not carried out, or why nothing is known about it. */
export class HubError extends Error {
  name = "HubError";

  /**
   * @param {{code: number, name: string, message: string, retry: string, retryAfterMs?: number, final?: boolean, play?: object, reached?: object}} failure `code` is the hub's, or 0 for a failure of the connection
   */
  constructor({ code, name, message, retry, retryAfterMs, final, play, reached }) {
    super(message);
    /** The hub's code, 0 when the hub did not answer. */
    this.code = code;
    /** The code's name, such as `above_limit`; `timeout`, `disconnected`, `unreadable`, `left` or `closed` without an answer of the hub. */
    this.reason = name;
    /** What the client may do: `never`, `authenticate`, `same_key` or `ask_outcome`. */
    this.retry = retryOf(code, retry);
    /** Not before this many milliseconds. */
    this.retryAfterMs = retryAfterMs;
    /** `false`: nothing is recorded under the request's key, which may be used again once the cause is gone. */
    this.final = final;
    /** The play session that the refusal is about: `reality_check_due` and `start_too_soon` have it. */
    this.play = play;
    /** With `limit_reached`: which limit of the player it is, as `docs/protocol.md` has it. */
    this.reached = reached;
  }

  /** The error of an `error` reply. */
  static of(reply) {
    return new HubError({
      code: reply.code,
      name: reply.name,
      message: reply.message,
      retry: reply.retry,
      retryAfterMs: reply.retry_after_ms ?? undefined,
      final: reply.final ?? undefined,
      play: reply.play ?? undefined,
      reached: reply.reached ?? undefined,
    });
  }

  /** No answer in time: the request may or may not have been carried out. */
  static timeout(request, ms) {
    return new HubError({
      code: 0,
      name: "timeout",
      message: `no answer to ${request} within ${ms} ms`,
      retry: "ask_outcome",
    });
  }

  /** The connection went before the answer came. */
  static disconnected(request) {
    return new HubError({
      code: 0,
      name: "disconnected",
      message: `the connection was lost before the answer to ${request}`,
      retry: "ask_outcome",
    });
  }

  /** The answer came and cannot be read: the request may or may not have been carried out. */
  static unreadable(message) {
    return new HubError({ code: 0, name: "unreadable", message, retry: "ask_outcome" });
  }

  /** The table was left before it was joined. */
  static left(table) {
    return new HubError({ code: 0, name: "left", message: `${table} was left again`, retry: "never" });
  }

  /** The client is closed and will not come back by itself. */
  static closed(message) {
    return new HubError({ code: 0, name: "closed", message, retry: "never" });
  }
}
