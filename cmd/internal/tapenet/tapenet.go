// Package tapenet is the program of all commands: it lists them, and knows what their
// flags say for shells, man pages and cmd/README.md.
package tapenet

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"

	"tapenet/cmd/internal/bench"
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/data"
	"tapenet/cmd/internal/export"
	"tapenet/cmd/internal/infer"
	"tapenet/cmd/internal/label"
	"tapenet/cmd/internal/robust"
	"tapenet/cmd/internal/runs"
	"tapenet/cmd/internal/search"
	"tapenet/cmd/internal/serve"
	"tapenet/cmd/internal/train"
	"tapenet/cmd/internal/zoo"
)

// works are the commands that do the work, those that are used most first.
var works = []cli.Command{
	train.Command, infer.Command, serve.Command, data.Command, label.Command, runs.Command,
	zoo.Command, export.Command, robust.Command, search.Command, bench.Command,
}

// Commands are those that the program's first argument may name.
func Commands() []cli.Command {
	return slices.Concat(works, []cli.Command{
		{Name: "completion", Doc: "print the completion of commands and flags for bash, zsh or fish", Run: completion},
		{Name: "man", Doc: "write man pages into a folder", Run: man},
		{Name: "licences", Doc: "print the licences of the modules in this program", Run: printLicences},
		{Name: "version", Doc: "print the version, the commit, and what the kernels use here", Run: version},
	})
}

// Command is what runs when the first argument names none: it lists the commands, or says
// more of one.
var Command = cli.Command{Name: cli.Program, Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return list(stdout)
	}
	switch first := args[0]; first {
	case "help", "-help", "--help", "-h":
		if len(args) == 1 {
			return list(stdout)
		}
		c, err := find(args[1])
		if err != nil {
			return err
		}
		return c.Run(ctx, []string{"-help"}, stdout, stderr)
	case "-version", "--version":
		return version(ctx, nil, stdout, stderr)
	default:
		_, err := find(first)
		return err
	}
}

// find is the command of that name.
func find(name string) (cli.Command, error) {
	names := []string{"help"}
	for _, c := range Commands() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return cli.Command{}, cli.Usagef("%s: no command %q; %[1]s help lists them%[3]s", cli.Program, name, cli.Meant(name, names))
}

// list prints a line for each command.
func list(stdout io.Writer) error {
	text := "usage: " + cli.Program + " COMMAND [flags]\n\n" + cli.Program + " trains and serves image networks.\n\n"
	for i, c := range Commands() {
		if i == len(works) {
			text += "\n"
		}
		text += fmt.Sprintf("  %-12s %s\n", c.Name, c.Doc)
	}
	_, err := io.WriteString(stdout, text+"\n"+cli.Program+" help COMMAND lists the flags of one.\n")
	return err
}

// version prints what -version prints in all commands.
func version(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := cli.Flags("version", "", "Prints the version, the commit, the version of Go, and the instructions that the kernels use on this machine.", stdout)
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := f.NoArguments(); err != nil {
		return err
	}
	_, err := io.WriteString(stdout, cli.Version())
	return err
}

// described is a command with its flags.
type described struct {
	*cli.FlagSet
	short string // what it does, on a line
}

// describe are some commands with their flags.
func describe(commands []cli.Command) ([]described, error) {
	var all []described
	for _, c := range commands {
		f, err := cli.Describe(c)
		if err != nil {
			return nil, err
		}
		all = append(all, described{f, c.Doc})
	}
	return all, nil
}

// flags are a command's flags, in the help's order.
func (d described) flags() (all []*flag.Flag) {
	for _, g := range d.Groups {
		all = append(all, g.Flags...)
	}
	return all
}
