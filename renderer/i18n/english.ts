import common from "./en/common.json";
import home from "./en/home.json";
import streams from "./en/streams.json";
import invite from "./en/invite.json";
import internet from "./en/internet.json";
import join from "./en/join.json";
import sharing from "./en/sharing.json";
import doctor from "./en/doctor.json";
import settings from "./en/settings.json";
import welcome from "./en/welcome.json";

export const english = { common, home, streams, invite, internet, join, sharing, doctor, settings, welcome };
export type English = typeof english;
export type Namespace = keyof English;
