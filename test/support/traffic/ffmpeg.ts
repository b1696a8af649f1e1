// Real senders and receivers of a television stream: ffmpeg, which knows nothing of us.
import type { Child } from "#test/support/child.ts";
import { words, type Machine } from "#test/support/machine.ts";

/** Seven transport stream packets and an RTP header: what encoders send. */
const RTP_PACKET = 1316 + 12;

export interface VideoOptions {
  /** "239.255.42.1:5004" or "[ff3e::1]:5004" */
  readonly group: string;
  /** Address of the interface; without it the kernel chooses. */
  readonly localAddress?: string;
  readonly ttl?: number;
  readonly codec?: "h264" | "mpeg2";
  readonly bitRate?: number; // bits a second
  /** MPEG-TS in UDP, without RTP. */
  readonly bare?: true;
}

/** A test picture that moves and a tone, in real time, as MPEG-TS, over RTP unless told otherwise. Runs until it is stopped. */
export function sendVideo(machine: Machine, options: VideoOptions): Child {
  const { ttl = 16, codec = "h264", bitRate = 2_000_000 } = options;
  const video =
    codec === "h264"
      ? words("-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p")
      : words("-c:v mpeg2video -pix_fmt yuv420p");
  const bytes = options.bare ? RTP_PACKET - 12 : RTP_PACKET;
  const url = rtpUrl(options, { ttl: String(ttl), pkt_size: String(bytes) });
  return machine.spawn(
    "ffmpeg",
    [
      ...words("-hide_banner -loglevel warning -nostdin -re"),
      ...words("-f lavfi -i testsrc2=size=640x360:rate=25"),
      ...words("-f lavfi -i sine=frequency=440:sample_rate=48000"),
      ...video,
      // A key frame every second: whoever comes later has a picture after one second.
      ...words(`-g 25 -b:v ${bitRate} -maxrate ${bitRate} -bufsize ${bitRate}`),
      ...words(`-c:a mp2 -b:a 128k -f ${options.bare ? "mpegts" : "rtp_mpegts"}`),
      options.bare ? url.replace(/^rtp:/, "udp:") : url,
    ],
    { label: `${machine.name}: ffmpeg sends ${options.group}` },
  );
}

/** A silent test picture in RTP that is announced by SAP every few seconds, with this title, until it is stopped. */
export function announceVideo(
  machine: Machine,
  { group, title }: { readonly group: string; readonly title: string },
): Child {
  return machine.spawn(
    "ffmpeg",
    [
      ...words("-hide_banner -loglevel warning -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25"),
      ...words("-c:v mpeg2video -pix_fmt yuv420p -b:v 500k -metadata"),
      `title=${title}`,
      ...words("-f sap"),
      `sap://${group}?ttl=16&same_port=1`,
    ],
    { label: `${machine.name}: ffmpeg announces ${group}` },
  );
}

export interface VideoReceiverOptions {
  readonly group: string;
  readonly localAddress?: string;
  /** INCLUDE this source (SSM). */
  readonly source?: string;
  /** Written anew every second, each time whole. */
  readonly picture?: string;
}

/** Joins and decodes until it is stopped. */
export class VideoReceiver {
  readonly child: Child;

  constructor(machine: Machine, options: VideoReceiverOptions) {
    const url = rtpUrl(options, {
      buffer_size: "4194304",
      ...(options.source === undefined ? {} : { sources: options.source }),
    });
    const picture =
      options.picture === undefined
        ? []
        : [...words("-map 0:v -vf fps=1 -update 1 -atomic_writing 1 -y"), options.picture];
    this.child = machine.spawn(
      "ffmpeg",
      [
        ...words("-hide_banner -loglevel error -nostdin -stats_period 0.5 -progress pipe:1"),
        ...words("-fflags nobuffer -probesize 500000 -analyzeduration 1000000 -i"),
        url,
        ...words("-map 0:v -f null -"),
        ...picture,
      ],
      { label: `${machine.name}: ffmpeg receives ${options.group}` },
    );
  }

  /** Frames decoded so far. */
  get frames(): number {
    return Number(
      this.child.stdout
        .match(/^frame=\s*(\d+)/gm)
        ?.at(-1)
        ?.split("=")[1] ?? 0,
    );
  }

  async until(frames: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.frames < frames) {
      if (!this.child.running || performance.now() > deadline) {
        const seen = this.child.stderr.trim().slice(-500);
        throw new Error(
          `${this.child.label}: ${this.frames} frames of ${frames} within ${timeoutMs} ms. ${seen}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function rtpUrl(
  options: { readonly group: string; readonly localAddress?: string },
  parameters: Readonly<Record<string, string>>,
): string {
  const all = {
    ...parameters,
    ...(options.localAddress === undefined ? {} : { localaddr: options.localAddress }),
  };
  const query = Object.entries(all).map(([name, value]) => `${name}=${value}`);
  return `rtp://${options.group}?${query.join("&")}`;
}
