import common from "./ar/common.json";
import home from "./ar/home.json";
import streams from "./ar/streams.json";
import invite from "./ar/invite.json";
import internet from "./ar/internet.json";
import join from "./ar/join.json";
import sharing from "./ar/sharing.json";
import doctor from "./ar/doctor.json";
import settings from "./ar/settings.json";
import welcome from "./ar/welcome.json";

export const words = { common, home, streams, invite, internet, join, sharing, doctor, settings, welcome };
