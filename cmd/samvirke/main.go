// Command samvirke is the gateway: one binary for the demo, production and all tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker for releases.
var version = "0.1.0-dev"

// Exit codes. 2 stays free, because the Go runtime uses it for panics.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 64
	exitBadMessage  = 65
	exitTryLater    = 75
	exitBadConfig   = 78
	exitInterrupted = 130
)

// exitError is an error with the exit code it asks for. A nil err exits without a word.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func fail(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

// app is what every command works with: results go to out, words to errs.
type app struct {
	ctx       context.Context
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string
}

// commands is the list of all commands; kong reads help and flags from it.
type commands struct {
	Demo      demoCmd      `cmd:"" help:"Play a patient's stay with simulated hospital, municipality and GP, and serve the UI."`
	Run       runCmd       `cmd:"" help:"Run the gateway in production."`
	Check     checkCmd     `cmd:"" help:"Check a configuration file; all mistakes at once."`
	Translate translateCmd `cmd:"" help:"Translate one message to another format."`
	Validate  validateCmd  `cmd:"" help:"Check messages against schema and business rules."`
	Plan      planCmd      `cmd:"" help:"Compute or show a patient's shared plan."`
	Trace     traceCmd     `cmd:"" help:"Tell the story of one message."`
	Queue     queueCmd     `cmd:"" help:"List, show and repair messages and deliveries."`
	Party     partyCmd     `cmd:"" help:"List, pause, drain and resume parties of a running gateway."`
	Erase     eraseCmd     `cmd:"" help:"Erase a person: everything under the identifier, for good."`
	Backup    backupCmd    `cmd:"" help:"Copy the store while the gateway runs."`
	Restore   restoreCmd   `cmd:"" help:"Put a backup of the store into an empty folder."`
	Route     routeCmd     `cmd:"" help:"Explain who would receive a message."`
	Mapping   mappingCmd   `cmd:"" help:"Show element tables; test a site's golden cases."`
	Bench     benchCmd     `cmd:"" help:"Measure throughput and latency with simulated parties."`
	Doctor    doctorCmd    `cmd:"" help:"Look for what is wrong with this machine, configuration and store."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{ctx: ctx, in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv}
	code := a.run(os.Args[1:])
	stop()
	os.Exit(code)
}

// exitEarly is thrown by kong's help flag and caught in run.
type exitEarly int

// run parses args and runs one command; it returns the exit code.
func (a *app) run(args []string) (code int) {
	defer func() {
		r := recover()
		if e, ok := r.(exitEarly); ok {
			code = int(e)
		} else if r != nil {
			panic(r)
		}
	}()
	var c commands
	p, err := kong.New(&c, kong.Name("samvirke"),
		kong.Description("A gateway between journal systems: keeps, checks, answers, merges and delivers health messages."),
		kong.Writers(a.out, a.errs), kong.Exit(func(code int) { panic(exitEarly(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return a.end(err)
	}
	k, err := p.Parse(args)
	if err != nil {
		return a.end(&exitError{code: exitUsage, err: err})
	}
	return a.end(k.Run(a))
}

func (a *app) end(err error) int {
	if err == nil {
		return exitOK
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{code: exitFailed, err: err}
	}
	if e.err != nil {
		fmt.Fprintln(a.errs, "samvirke:", e.err)
	}
	return e.code
}

type versionCmd struct {
	JSON bool `help:"Print JSON."`
}

// Run prints the version.
func (c *versionCmd) Run(a *app) error {
	if c.JSON {
		return a.json(map[string]string{"version": version})
	}
	_, err := fmt.Fprintln(a.out, "samvirke", version)
	return err
}
