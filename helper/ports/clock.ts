/** Monotonic milliseconds for machines and timers; wall milliseconds since 1970 for what people and files see. */
export interface Clock {
  now(): number;
  wall(): number;
}
