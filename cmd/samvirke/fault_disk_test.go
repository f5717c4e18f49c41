//go:build fault

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// roomAgain is how much a person makes room for when the disk was full. Unit: MB.
const roomAgain = 32

// keepDisk mounts a small file system and takes it away when its input ends, which it also does when the test is killed: nothing of it
// stays behind. The signals that end a test by hand are for the test alone.
const keepDisk = `trap '' INT TERM HUP; mount -t tmpfs -o "size=$1" none "$2" || exit 1; echo mounted; cat >/dev/null; umount "$2" || umount -l "$2"`

// smallDisk is a file system in memory for one folder.
type smallDisk struct {
	t    *testing.T
	dir  string
	size int // MB
}

// newSmallDisk mounts a file system of some MB on dir.
func newSmallDisk(t *testing.T, dir string, size int) *smallDisk {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("only root may mount a small file system")
	}
	for _, program := range []string{"mount", "setsid"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian packages mount and util-linux)", program)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var words lockedBuffer
	keeper := exec.Command("setsid", "sh", "-c", keepDisk, "keep", fmt.Sprintf("%dm", size), dir) // not of the test's group: that is killed as one
	keeper.Stderr = &words
	end, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := keeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(out).ReadString('\n') // an end says the same as other words
	if said != "mounted\n" {
		_ = end.Close() // it may be waiting for this
		_ = keeper.Wait()
		t.Skipf("no file system may be mounted here: %s", words.String())
	}
	t.Cleanup(func() {
		_ = end.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := keeper.Wait(); err != nil {
			t.Errorf("umount: %v: %s", err, words.String())
		}
	})
	return &smallDisk{t: t, dir: dir, size: size}
}

// diskChild names the folder of a small file system, for the process that is killed with it; unset in the parent.
const diskChild = "SAMVIRKE_TEST_DISK_DIR"

// mountedHere is the line that this process writes when it has mounted it.
const mountedHere = "mounted here"

// TestFaultDiskChild is no test but the process that is killed: it mounts a small file system and waits.
func TestFaultDiskChild(t *testing.T) {
	dir := os.Getenv(diskChild)
	if dir == "" {
		return
	}
	newSmallDisk(t, dir, 1)
	fmt.Println(mountedHere)
	select {}
}

// TestFaultDiskGoes kills a test that has mounted a small file system: nothing of it stays behind.
func TestFaultDiskGoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	cmd := exec.Command(os.Args[0], "-test.run=^TestFaultDiskChild$", "-test.v")
	cmd.Env = append(os.Environ(), diskChild+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints lockedBuffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
		}
	})
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Text() != mountedHere; {
		if lines.Scan() {
			said.WriteString(lines.Text() + "\n")
			continue
		}
		err := cmd.Wait()
		if ended = true; err == nil && strings.Contains(said.String(), "--- SKIP") {
			t.Skipf("no small file system here:\n%s", said.String())
		}
		t.Fatalf("it ends before it has mounted anything: %v\n%s%s", err, said.String(), complaints.String())
	}
	whole, err := filepath.EvalSymlinks(dir) // as it stands in the list
	if err != nil {
		t.Fatal(err)
	}
	mounted := func() bool {
		list, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(list), " "+whole+" ")
	}
	if !mounted() {
		t.Fatal("nothing is mounted, so this shows nothing")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	ended = true
	for deadline := time.Now().Add(faultPatience); mounted(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the file system is there although its test is gone")
		}
	}
}

// room makes the file system larger.
func (d *smallDisk) room(more int) {
	d.t.Helper()
	d.size += more
	if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%dm", d.size), d.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("make room: %s", out)
	}
}

// TestFaultFullDisk fills a small file system: messages are refused while there is no room, and taken again by the same gateway when
// there is; nothing that was acknowledged is lost, also when the gateway is killed while there is none, and started while there is none.
func TestFaultFullDisk(t *testing.T) {
	r := newRig(t, seedOf(t, ""), "disk full, SQLite", "")
	disk := newSmallDisk(t, r.place.file.Dir, 16) // enough for the first start and some hundred messages
	for round := range *faultRounds {
		r.fault = "disk full, then room again"
		r.sheet.at(r.fault).rounds++
		p, ready := r.begin(r.config(), "")
		if !ready {
			t.Fatalf("the gateway does not start:\n%s", p.log)
		}
		if round == 0 { // the first sign-in needs room too
			r.within(p, "making the first sign-in", func() bool { return strings.Contains(p.log.String(), "Sign in at") })
		}
		r.fill(p)
		r.roomAgain(p, disk)

		r.fault = "disk full, then kill -9"
		r.sheet.at(r.fault).rounds++
		r.fill(p)
		p.kill()

		r.fault = "disk full at the start"
		r.sheet.at(r.fault).rounds++
		r.startsFull(disk)
	}
	r.fault = "none"
	disk.room(500)
	r.finish()
	r.sheet.print(t)
}

// fill sends until the gateway has refused some because there is no room. That ends no gateway.
func (r *faultRig) fill(p *process) {
	r.t.Helper()
	before := r.refusals()
	r.load(p, func() bool { return r.refusals() >= before+20 })
	r.goesOn(p)
}

// roomAgain makes room under a gateway, which goes on by itself.
func (r *faultRig) roomAgain(p *process, disk *smallDisk) {
	r.t.Helper()
	// As much as the log of the tables can take, and more: it has to be copied into the database before anything goes on.
	disk.room(roomAgain)
	taken := r.count()
	r.load(p, func() bool { return r.count() >= taken+50 })
	r.goesOn(p)
}

// saysFull is what a gateway says that cannot start for want of room.
var saysFull = regexp.MustCompile(`(?i)no space left|disk is full|no room`)

// startsFull starts a gateway while there is no room. It says so and ends, or it is there, refuses what it cannot keep and goes on when there
// is room. Either way the next start has everything, which finish looks at.
func (r *faultRig) startsFull(disk *smallDisk) {
	r.t.Helper()
	p, ready := r.begin(r.config(), "")
	if ready {
		r.fill(p)
		r.roomAgain(p, disk)
		p.kill()
		r.t.Logf("%s: it starts, and refuses what it cannot keep", r.fault)
		return
	}
	if code := p.cmd.ProcessState.ExitCode(); code != exitFailed {
		r.t.Errorf("%s: the gateway ended with %d\n%s", r.fault, code, p.log)
	}
	if !saysFull.MatchString(p.log.String()) {
		r.t.Errorf("%s: the gateway does not say why it ended:\n%s", r.fault, p.log)
	}
	r.t.Logf("%s: it says so and ends", r.fault)
	disk.room(roomAgain)
	p, ready = r.begin(r.config(), "")
	if !ready {
		r.t.Fatalf("%s: the gateway does not start when there is room:\n%s", r.fault, p.log)
	}
	taken := r.count()
	r.load(p, func() bool { return r.count() >= taken+50 })
	p.kill()
}
