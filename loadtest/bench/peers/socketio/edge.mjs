import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const { PORT, REDIS_URL } = process.env;
const QUEUE = "answers";

/** Sockets, and a queue of questions. The adapter brings each socket what a worker says to its room. */
const server = createServer();
const publisher = new Redis(REDIS_URL);
const io = new Server(server, {
  transports: ["websocket"],
  adapter: createAdapter(publisher, publisher.duplicate()),
});
const queue = new Queue(QUEUE, { connection: { url: REDIS_URL } });

io.on("connection", (socket) => {
  socket.on("ask", async ({ id, text }) => {
    await queue.add("answer", { room: socket.id, text }, { jobId: id, removeOnComplete: true, removeOnFail: true });
  });
});

server.listen(Number(PORT), "127.0.0.1");
