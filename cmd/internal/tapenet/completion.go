package tapenet

import (
	"context"
	"fmt"
	"io"
	"strings"

	"tapenet/cmd/internal/cli"
)

// shells are the writers of completions.
var shells = map[string]func(w *strings.Builder, commands []described){"bash": bash, "zsh": zsh, "fish": fish}

// shellNames are those of shells.
var shellNames = []string{"bash", "zsh", "fish"}

// completion prints what a shell reads to complete the program's commands, flags, and
// values that have names.
func completion(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := cli.Flags("completion", "bash|zsh|fish",
		"Prints what a shell reads to complete commands, flags and names: for bash in ~/.bashrc\n\n"+
			"  source <(tapenet completion bash)\n\nfor zsh in ~/.zshrc, behind compinit\n\n  source <(tapenet completion zsh)\n\nand for fish in its config.fish\n\n  tapenet completion fish | source", stdout)
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 || shells[f.Arg(0)] == nil {
		return cli.Usagef("completion: %q, want one of %s%s", f.Args(), strings.Join(shellNames, ", "), cli.Meant(f.Arg(0), shellNames))
	}
	commands, err := describe(Commands())
	if err != nil {
		return err
	}
	var b strings.Builder
	shells[f.Arg(0)](&b, commands)
	_, err = io.WriteString(stdout, b.String())
	return err
}

// arguments are the words that may follow a command in place of a file.
func arguments(command string) []string {
	if command == "completion" {
		return shellNames
	}
	return nil
}

// bash writes a function that looks at the command and at the flag before the word.
func bash(w *strings.Builder, commands []described) {
	fmt.Fprintf(w, "# Completion of %s for bash.\n_%[1]s() {\n", cli.Program)
	w.WriteString("\tlocal word=${COMP_WORDS[COMP_CWORD]} before= names= flags=\n")
	w.WriteString("\t((COMP_CWORD > 1)) && before=${COMP_WORDS[COMP_CWORD - 1]/#--/-}\n")
	var names []string
	for _, c := range commands {
		names = append(names, c.Name())
	}
	fmt.Fprintf(w, "\tif ((COMP_CWORD == 1)) || [[ $COMP_CWORD == 2 && $before == help ]]; then\n\t\tCOMPREPLY=($(compgen -W '%s help' -- \"$word\"))\n\t\treturn\n\tfi\n", strings.Join(names, " "))
	w.WriteString("\tcase ${COMP_WORDS[1]} in\n")
	for _, c := range commands {
		fmt.Fprintf(w, "\t%s)\n\t\tflags='", c.Name())
		for _, fl := range c.flags() {
			fmt.Fprintf(w, "-%s ", fl.Name)
		}
		w.WriteString("-help -version'\n\t\tcase $before in\n")
		for _, fl := range c.flags() {
			switch values := c.ValuesOf(fl.Name); {
			case values != nil:
				fmt.Fprintf(w, "\t\t-%s) names='%s' flags= ;;\n", fl.Name, strings.Join(values, " "))
			case cli.Kind(fl) != "":
				fmt.Fprintf(w, "\t\t-%s) flags= ;;\n", fl.Name)
			}
		}
		if words := arguments(c.Name()); words != nil {
			fmt.Fprintf(w, "\t\t*) names='%s' ;;\n", strings.Join(words, " "))
		}
		w.WriteString("\t\tesac\n\t\t;;\n")
	}
	w.WriteString("\tesac\n")
	w.WriteString("\tif [[ $word == -* && $flags ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$flags\" -- \"${word/#--/-}\"))\n\telse\n")
	w.WriteString("\t\tCOMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n\t\tcompopt -o default\n\tfi\n}\n")
	fmt.Fprintf(w, "complete -F _%s %[1]s\n", cli.Program)
}

// zsh writes a function of _arguments for each command.
func zsh(w *strings.Builder, commands []described) {
	fmt.Fprintf(w, "#compdef %s\n# Completion of %[1]s for zsh.\n", cli.Program)
	w.WriteString("_" + cli.Program + "() {\n\tlocal -a commands=(\n")
	for _, c := range commands {
		fmt.Fprintf(w, "\t\t%s\n", single(c.Name()+":"+c.short))
	}
	w.WriteString("\t\t'help:list the commands, or the flags of one'\n\t)\n")
	w.WriteString("\tif ((CURRENT == 2)) || [[ $CURRENT == 3 && $words[2] == help ]]; then\n\t\t_describe command commands\n\t\treturn\n\tfi\n")
	w.WriteString("\tlocal name=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $name in\n")
	escape := strings.NewReplacer("[", "(", "]", ")", ":", `\:`)
	for _, c := range commands {
		fmt.Fprintf(w, "\t%s)\n\t\t_arguments", c.Name())
		for _, fl := range c.flags() {
			spec := fmt.Sprintf("-%s[%s]", fl.Name, escape.Replace(cli.Meaning(fl)))
			switch values := c.ValuesOf(fl.Name); {
			case values != nil:
				spec += fmt.Sprintf(":%s:{compadd -- %s; _files}", cli.Kind(fl), strings.Join(values, " "))
			case cli.Kind(fl) == "N" || cli.Kind(fl) == "X" || cli.Kind(fl) == "TIME":
				spec += fmt.Sprintf(":%s: ", cli.Kind(fl))
			case cli.Kind(fl) != "":
				spec += fmt.Sprintf(":%s:_files", cli.Kind(fl))
			}
			fmt.Fprintf(w, " \\\n\t\t\t%s", single(spec))
		}
		others := "_files"
		if words := arguments(c.Name()); words != nil {
			others = "(" + strings.Join(words, " ") + ")"
		}
		fmt.Fprintf(w, " \\\n\t\t\t'-help[list the flags]' '-version[print the version]' '*:file:%s'\n\t\t;;\n", others)
	}
	fmt.Fprintf(w, "\tesac\n}\n[[ $zsh_eval_context[-1] == loadautofunc ]] && _%s \"$@\" || compdef _%[1]s %[1]s\n", cli.Program)
}

// fish writes a line for each command and each flag.
func fish(w *strings.Builder, commands []described) {
	fmt.Fprintf(w, "# Completion of %s for fish.\n", cli.Program)
	fmt.Fprintf(w, "complete -c %s -n __fish_use_subcommand -f -a help -d 'list the commands, or the flags of one'\n", cli.Program)
	for _, c := range commands {
		fmt.Fprintf(w, "complete -c %s -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -f -a %s -d %s\n", cli.Program, c.Name(), single(c.short))
		line := fmt.Sprintf("complete -c %s -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from help'", cli.Program, c.Name())
		for _, fl := range c.flags() {
			short, _, _ := strings.Cut(cli.Meaning(fl), ";")
			fmt.Fprintf(w, "%s -o %s -d %s", line, fl.Name, single(short))
			if cli.Kind(fl) != "" {
				w.WriteString(" -r")
			}
			if values := c.ValuesOf(fl.Name); values != nil {
				fmt.Fprintf(w, " -a '%s'", strings.Join(values, " "))
			}
			w.WriteString("\n")
		}
		if words := arguments(c.Name()); words != nil {
			fmt.Fprintf(w, "%s -f -a '%s'\n", line, strings.Join(words, " "))
		}
		fmt.Fprintf(w, "%s -o help -d 'list the flags'\n%[1]s -o version -d 'print the version'\n", line)
	}
}

// single puts a text into single quotes, as shells read them; one in the text becomes an
// apostrophe that is none to them.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", "’") + "'" }
