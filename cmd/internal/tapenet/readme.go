package tapenet

import (
	"fmt"
	"strings"

	"tapenet/cmd/internal/cli"
)

// exits are the exit codes of all commands.
var exits = []struct {
	code  int
	means string
}{
	{0, "all is done, or -help or -version was asked for"},
	{1, "something failed, such as a file that cannot be read; what could be done of several files is done"},
	{2, "the command line is wrong: a flag, a name or a value that there is not, or flags that do not go together; nothing has begun"},
	{130, "an interrupt (ctrl-C, SIGINT or SIGTERM) ended the command; a training is saved, and -resume goes on with it. A second interrupt ends it at once"},
}

// readme is the part of cmd/README.md that follows from the flags.
func readme() (string, error) {
	commands, err := describe(works)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exits {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, cell(e.means))
	}
	for _, c := range commands {
		fmt.Fprintf(&b, "\n## %s %s\n\n```\n", cli.Program, c.Name())
		for _, use := range c.Uses {
			fmt.Fprintf(&b, "%s %s %s\n", cli.Program, c.Name(), use)
		}
		fmt.Fprintf(&b, "```\n\n%s\n", prose(c.Doc))
		for _, g := range c.Groups {
			title := "flag"
			if g.Title != "" {
				title = g.Title
			}
			fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", cell(title))
			for _, fl := range g.Flags {
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace("-"+fl.Name+" "+cli.Kind(fl)), cell(cli.Meaning(fl)))
			}
		}
	}
	return b.String(), nil
}

// prose is a help's text as Markdown: its indented lines are a list.
func prose(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if after, indented := strings.CutPrefix(line, "  "); indented {
			lines[i] = "- " + strings.Join(strings.Fields(after), " ")
		}
	}
	return cell(strings.Join(lines, "\n"))
}

// cell is text in a table, or in prose: what Markdown would read as its own is plain.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`, "_", `\_`).Replace(text)
}
