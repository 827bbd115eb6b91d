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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Run is a command without its process: it reads nothing but its arguments,
// writes to stdout and stderr, and stops soon after ctx is cancelled.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// Command is a command by its name.
type Command struct {
	Name string
	Doc  string // what it does, on a line of a list of commands
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
	os.Exit(Report(command.Name, command.Run(ctx, args, os.Stdout, os.Stderr), os.Stderr))
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

// Report prints a command's error as one line, which begins with the command's name, and
// returns the exit code.
func Report(command string, err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if errors.As(err, &silent{}) {
		stderr = io.Discard
	}
	lines, code := strings.Split(err.Error(), "\n"), 1
	for i, line := range lines {
		lines[i] = bare(command, line)
	}
	line := Plain(strings.Join(lines, "; "))
	switch {
	case errors.As(err, &UsageError{}):
		code = 2
	case errors.Is(err, context.Canceled):
		line, code = strings.TrimSuffix(line, ": "+context.Canceled.Error()), 130 // who interrupts it knows
	}
	fmt.Fprintf(stderr, "%s: %s\n", command, line)
	return code
}

// packages are those of the module whose errors begin with their names.
var packages = []string{
	"attack", "bound", "corrupt", "data", "gosource", "graph", "infer", "keras", "metric", "modelzoo", "mpi", "onnx",
	"open", "parquet", "report", "robust", "serve", "tensorboard", "tfjs", "train", "weights",
}

// bare is an error without the names of the command and of packages before it: they say
// nothing to somebody who has called one command.
func bare(command, line string) string {
	for {
		name, rest, found := strings.Cut(line, ": ")
		if !found || name != command && !slices.Contains(packages, name) {
			return line
		}
		line = rest
	}
}

// UsageError is a wrong command line.
type UsageError struct{ message string }

// Error is the message.
func (e UsageError) Error() string { return e.message }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Sprintf(format, args...)} }

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
