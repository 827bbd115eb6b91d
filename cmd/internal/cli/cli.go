// Package cli is what the commands have in common: signals, exit codes, flags.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"tapenet/graph/raster"
)

// Run is a command without its process: it reads nothing but its arguments,
// writes to stdout and stderr, and stops soon after ctx is cancelled.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// Command is a command by its name.
type Command struct {
	Name string
	Run  Run
}

// Main runs one of a program's commands and exits: the one that the first argument names,
// with the other arguments, or else the first one. The exit code is 0 for success, 1 for an
// error, 2 for a wrong command line, 130 after an interrupt. The first interrupt (or
// SIGTERM) cancels the context; a second one ends the process at once.
func Main(first Command, others ...Command) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(130)
	}()
	command, args := choose(os.Args[1:], first, others)
	os.Exit(Report(command.Run(ctx, args, os.Stdout, os.Stderr), os.Stderr))
}

// choose returns the command to run and its arguments.
func choose(args []string, first Command, others []Command) (Command, []string) {
	if len(args) > 0 {
		for _, c := range others {
			if c.Name == args[0] {
				return c, args[1:]
			}
		}
	}
	return first, args
}

// Self returns the line that runs a command of this program as a process of its own.
func Self(name string, args ...string) ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return append([]string{exe, name}, args...), nil
}

// Silent returns an error that Report does not print, as another process does. Its exit
// code is that of err.
func Silent(err error) error { return silent{err} }

type silent struct{ error }

// Unwrap is the error.
func (s silent) Unwrap() error { return s.error }

// Report prints an error as one line and returns the exit code.
func Report(err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if errors.As(err, &silent{}) {
		stderr = io.Discard
	}
	line := Plain(strings.ReplaceAll(err.Error(), "\n", "; "))
	var usage UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, line)
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, strings.TrimSuffix(line, ": "+context.Canceled.Error())) // who interrupts it knows
		return 130
	}
	fmt.Fprintln(stderr, "error:", line)
	return 1
}

// UsageError is a wrong command line.
type UsageError struct{ message string }

// Error is the message.
func (e UsageError) Error() string { return e.message }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Sprintf(format, args...)} }

// Flags returns an empty set of flags for a command. Its usage is one line of
// synopsis, one of explanation, and the flags.
func Flags(name, synopsis, doc string, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "usage: %s %s\n%s\n\n", name, synopsis, doc)
		f.PrintDefaults()
	}
	return f
}

// MaxPixels adds the flag that every command has which reads pictures.
func MaxPixels(f *flag.FlagSet, to *int) {
	*to = raster.MaxPixels
	f.Var((*positive)(to), "max-pixels", "largest picture that is unpacked, its width times its height")
}

// positive is the value of a flag that is an integer of 1 or more.
type positive int

// String is the number.
func (p *positive) String() string { return strconv.Itoa(int(*p)) }

// Set parses it.
func (p *positive) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 {
		return errors.New("want an integer of 1 or more")
	}
	*p = positive(v)
	return nil
}

// Parse parses the arguments. Wrong ones give a UsageError of one line.
func Parse(f *flag.FlagSet, args []string) error {
	usage, out := f.Usage, f.Output()
	f.Usage = func() {}
	f.SetOutput(io.Discard) // package flag would print the error, and the usage after it
	err := f.Parse(args)
	f.SetOutput(out)
	if errors.Is(err, flag.ErrHelp) {
		usage()
		return err
	}
	if err != nil {
		return Usagef("%s: %v; %s -help lists the flags", f.Name(), err, f.Name())
	}
	return nil
}

// NoArguments returns a UsageError if there are arguments besides the flags.
func NoArguments(f *flag.FlagSet) error {
	if f.NArg() > 0 {
		return Usagef("%s: unexpected argument %q; %s -help lists the flags", f.Name(), f.Arg(0), f.Name())
	}
	return nil
}

// Plain is text as a line of a terminal can show it. Names of files and of classes are
// anybody's: what controls the terminal, or ends the line, is written as Go escapes it.
func Plain(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else if !strconv.IsPrint(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
		text = text[n:]
	}
	return b.String()
}

// Plains are texts, each Plain.
func Plains(texts []string) []string {
	plain := make([]string, len(texts))
	for i, t := range texts {
		plain[i] = Plain(t)
	}
	return plain
}

// Notes prints lines that say what was taken for granted.
func Notes(stderr io.Writer, notes []string) {
	for _, note := range notes {
		fmt.Fprintln(stderr, "note:", Plain(note))
	}
}

// Shape writes the shape of an image, as in (1,28,28).
func Shape(s [3]int) string { return fmt.Sprintf("(%d,%d,%d)", s[0], s[1], s[2]) }
