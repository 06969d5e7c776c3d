/** A difference from Docker's bridge that has to be. */
export interface AllowedDifference {
  /** Titles of the cases that may show it, such as `docker: run --ip`; all, if left out. */
  in?: RegExp;
  /** Of the field in the case's result, its parts joined by dots. */
  path: RegExp;
  /** What the values must look like, if that matters. */
  bridge?: RegExp;
  ours?: RegExp;
  reason: string;
}

/** The one list of everything in which a network of ours may differ from Docker's bridge. */
export const ALLOWED: AllowedDifference[] = [
  {
    path: /(^|\.)(Driver|driver)$/,
    bridge: /^bridge$/,
    ours: /^socketplane$/,
    reason: "Docker shows a network's driver, which is ours",
  },
  {
    in: /: events of /,
    path: /\.attributes\.type$/,
    bridge: /^bridge$/,
    ours: /^socketplane$/,
    reason: "Docker's events of a network tell its driver, which is ours",
  },
  {
    in: /^compose 1: /,
    path: /\.err\.\d+$/,
    bridge: /^Creating network ".*" with driver "bridge"$/,
    ours: /^Creating network ".*" with driver "socketplane"$/,
    reason: 'Compose 1 tells which driver it uses',
  },
  {
    path: /(^|\.)nameservers(\.|$)/,
    reason: 'our gateway is among the name servers: it answers names of containers on other hosts',
  },
];
