import { type ChildProcess, spawn } from "node:child_process";

// A shell that remembers the processes under test and the temporary folders, and removes them when its input ends, which
// happens however the test runner dies, kill -9 included. "+1" adds a process, "-1" says that it has ended by itself, so
// that its number, which may belong to somebody else by then, is left alone; any other line is a folder.
const SCRIPT = `
pids=" "
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    -*) case $pids in *" $pid "*) pids="\${pids%%" $pid "*} \${pids#*" $pid "}" ;; esac ;;
    */parley-test-*) set -- "$@" "$line" ;;
  esac
done
[ "$pids" = " " ] || kill -9 $pids 2>/dev/null
[ $# = 0 ] || rm -rf "$@"
`;

let reaper: ChildProcess | undefined;

function startReaper(): ChildProcess {
  // Its own process group: Ctrl-C in the terminal must end the runner, not the one who cleans up after it.
  const shell = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  shell.unref();
  shell.stdin?.on("error", () => {
    // The shell is gone: there is nobody left to tell, and the tests go on without it.
  });
  if (shell.stdin !== null && "unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref();
  return shell;
}

function tell(line: string): void {
  reaper ??= startReaper();
  reaper.stdin?.write(`${line}\n`);
}

/** Has the process killed when this one dies. The returned function is to be called once it has ended by itself. */
export function reapWithMe(pid: number): () => void {
  tell(`+${pid}`);
  return () => tell(`-${pid}`);
}

/** Has the folder removed when this process dies, should it still be there. */
export function removeWithMe(folder: string): void {
  tell(folder);
}
