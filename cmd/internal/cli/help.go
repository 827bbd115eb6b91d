package cli

import (
	"flag"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Columns is the width that texts of commands are made for.
const Columns = 80

// Program is the name of the program that has all commands.
const Program = "tapenet"

// Help is the text of -help.
func (f *FlagSet) Help() string {
	var b strings.Builder
	for i, use := range f.Uses {
		head := "usage: "
		if i > 0 {
			head = "       "
		}
		b.WriteString(Wrap(head+Program+" "+f.Name()+" "+use, Columns, len(head)+2) + "\n")
	}
	b.WriteString("\n")
	for paragraph := range strings.SplitSeq(f.Doc, "\n") {
		b.WriteString(Wrap(paragraph, Columns, indented(paragraph)) + "\n")
	}
	for _, g := range f.Groups {
		b.WriteString("\n")
		if g.Title != "" {
			b.WriteString(g.Title + "\n")
		}
		for _, fl := range g.Flags {
			b.WriteString(flagHelp(fl))
		}
	}
	return b.String()
}

// indented is how far the lines of a paragraph but the first are indented: as far as a
// table's second column.
func indented(paragraph string) int {
	if !strings.HasPrefix(paragraph, "  ") {
		return 0
	}
	if gap := strings.LastIndex(paragraph, "  "); gap > 0 {
		return gap + 2
	}
	return 2
}

// flagHelp is a flag's lines.
func flagHelp(fl *flag.Flag) string {
	const column = 20
	head := "  -" + fl.Name
	if kind := Kind(fl); kind != "" {
		head += " " + kind
	}
	pad := column - len(head)
	if pad < 2 {
		head, pad = head+"\n", column
	}
	text := Wrap(strings.Repeat(" ", column)+Meaning(fl), Columns, column)
	return head + strings.Repeat(" ", pad) + strings.TrimLeft(text, " ") + "\n"
}

// Kind is a name for a flag's value, "" if it needs none.
func Kind(fl *flag.Flag) string {
	plain := *fl
	if one, ok := fl.Value.(oneOf); ok {
		plain.Value = one.Value
	}
	name, _ := flag.UnquoteUsage(&plain)
	switch name {
	case "":
		return ""
	case "int", "uint":
		return "N"
	case "float":
		return "X"
	case "duration":
		return "TIME"
	case "string":
		return "NAME"
	case "value":
		if _, ok := fl.Value.(*positive); ok {
			return "N"
		}
		return "VALUE"
	}
	return name
}

// Meaning is what a flag does, with its default.
func Meaning(fl *flag.Flag) string {
	_, text := flag.UnquoteUsage(fl)
	switch fl.DefValue {
	case "", "0", "false", "0s":
		return text
	}
	value := fl.DefValue
	if before, whole := strings.CutSuffix(value, "m0s"); whole { // as in 1m0s
		value = before + "m"
	}
	return fmt.Sprintf("%s (default %s)", text, value)
}

// Wrap breaks a line at spaces into lines of so many characters at most; those behind the
// first one are indented. What has no space is not broken.
func Wrap(text string, columns, indent int) string {
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	margin := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var b strings.Builder
	b.WriteString(margin)
	at, gap := len(margin), ""
	for word := range strings.SplitSeq(text[len(margin):], " ") {
		n := utf8.RuneCountInString(word)
		if at+len(gap)+n > columns && gap != "" {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at, gap = indent, ""
		}
		b.WriteString(gap + word)
		at += len(gap) + n
		gap = " "
	}
	return b.String()
}
