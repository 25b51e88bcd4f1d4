// The server that the fan-out measurement compares with the hub: Bun's own publish, with as little around it as
// possible.
//
// Every connection to /ws is subscribed to the one channel. Publications come as messages on a WebSocket at /publisher,
// which lets Bun join those that arrive together, or as the body of POST /publish, which is how they reach the hub.
//   bun bun-server.js PORT

const channel = "bench";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.argv[2] ?? 9006),
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ws" && server.upgrade(request, { data: { listens: true } })) return;
    if (pathname === "/publisher" && server.upgrade(request, { data: { listens: false } })) return;
    if (pathname === "/publish" && request.method === "POST") {
      server.publish(channel, await request.text());
      return new Response("ok");
    }
    return new Response("not here", { status: 404 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      if (socket.data.listens) socket.subscribe(channel);
    },
    message(socket, text) {
      if (!socket.data.listens) server.publish(channel, text);
    },
  },
});

console.log(`listening on ${server.url}`);
