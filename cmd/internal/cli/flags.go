package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapenet/graph/raster"
)

// FlagSet is the flags of a command: those of package flag, in groups and in the order
// in which they are defined, for the help, the man page and the shell's completion.
type FlagSet struct {
	*flag.FlagSet
	Uses   []string // what may follow the command's name, a line each
	Doc    string   // what the command does
	Groups []Group

	at     int // group of the next flag
	stdout io.Writer
	names  map[string][]string // values by flag, see Names and OneOf
}

// Group is flags that belong together.
type Group struct {
	Title string // "" for the flags of a command that has no groups
	Flags []*flag.Flag
}

// Flags returns an empty set of flags for a command. uses has a line for each way to
// call it; doc says what it does, in a sentence that begins with a verb. Help is written to stdout.
func Flags(name, uses, doc string, stdout io.Writer) *FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return &FlagSet{FlagSet: f, Uses: strings.Split(uses, "\n"), Doc: doc, stdout: stdout, names: map[string][]string{}}
}

// Group makes the flags that are defined from now on those of a group, a new one or one of
// before. The help has groups in the order in which they were begun.
func (f *FlagSet) Group(title string) {
	f.at = slices.IndexFunc(f.Groups, func(g Group) bool { return g.Title == title })
	if f.at < 0 {
		f.at = len(f.Groups)
		f.Groups = append(f.Groups, Group{Title: title})
	}
}

// defined notes the flag of that name.
func (f *FlagSet) defined(name string) {
	if f.Groups == nil {
		f.Group("")
	}
	g := &f.Groups[f.at]
	g.Flags = append(g.Flags, f.Lookup(name))
}

// The methods of flag.FlagSet that define flags.

func (f *FlagSet) StringVar(p *string, name, value, usage string) {
	f.FlagSet.StringVar(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) IntVar(p *int, name string, value int, usage string) {
	f.FlagSet.IntVar(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) Int64Var(p *int64, name string, value int64, usage string) {
	f.FlagSet.Int64Var(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) Uint64Var(p *uint64, name string, value uint64, usage string) {
	f.FlagSet.Uint64Var(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) Float64Var(p *float64, name string, value float64, usage string) {
	f.FlagSet.Float64Var(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) DurationVar(p *time.Duration, name string, value time.Duration, usage string) {
	f.FlagSet.DurationVar(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) BoolVar(p *bool, name string, value bool, usage string) {
	f.FlagSet.BoolVar(p, name, value, usage)
	f.defined(name)
}

func (f *FlagSet) Var(v flag.Value, name, usage string) {
	f.FlagSet.Var(v, name, usage)
	f.defined(name)
}

func (f *FlagSet) Func(name, usage string, fn func(string) error) {
	f.FlagSet.Func(name, usage, fn)
	f.defined(name)
}

func (f *FlagSet) BoolFunc(name, usage string, fn func(string) error) {
	f.FlagSet.BoolFunc(name, usage, fn)
	f.defined(name)
}

func (f *FlagSet) String(name, value, usage string) *string {
	p := new(string)
	f.StringVar(p, name, value, usage)
	return p
}

func (f *FlagSet) Int(name string, value int, usage string) *int {
	p := new(int)
	f.IntVar(p, name, value, usage)
	return p
}

func (f *FlagSet) Bool(name string, value bool, usage string) *bool {
	p := new(bool)
	f.BoolVar(p, name, value, usage)
	return p
}

// MaxPixels adds the flag that every command has which reads pictures.
func MaxPixels(f *FlagSet, to *int) {
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

// Names says which values a flag may have besides others, such as files.
func (f *FlagSet) Names(name string, values ...string) { f.names[name] = values }

// OneOf makes all other values of a flag an error, but for its default.
func (f *FlagSet) OneOf(name string, values ...string) {
	f.Names(name, values...)
	fl := f.Lookup(name)
	fl.Value = oneOf{fl.Value, fl.DefValue, values}
}

// ValuesOf are what Names and OneOf said of a flag.
func (f *FlagSet) ValuesOf(name string) []string { return f.names[name] }

// oneOf is a flag's value that is one of some.
type oneOf struct {
	flag.Value
	unless string
	values []string
}

// Set sets it.
func (o oneOf) Set(s string) error {
	if s != o.unless && !slices.Contains(o.values, s) {
		return fmt.Errorf("want one of %s%s", strings.Join(o.values, ", "), Meant(s, o.values))
	}
	return o.Value.Set(s)
}

// Get is that of a flag.Getter.
func (o oneOf) Get() any { return o.Value.(flag.Getter).Get() }

// Parse parses the arguments. Flags may stand before and behind other arguments, with
// one dash or two; -- ends them. Wrong ones give a UsageError of one line.
func (f *FlagSet) Parse(args []string) error {
	if len(args) == 1 && args[0] == describe {
		return description{f}
	}
	var others []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			others, args = append(others, args...), nil
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			others = append(others, arg)
			continue
		}
		used, err := f.take(arg, args)
		if err != nil {
			return err
		}
		args = args[used:]
	}
	return f.FlagSet.Parse(append([]string{"--"}, others...))
}

// take sets the flag that an argument is, and returns how many of the arguments behind
// it are its value.
func (f *FlagSet) take(arg string, behind []string) (used int, err error) {
	name, value, given := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	fl := f.Lookup(name)
	switch {
	case fl != nil:
	case name == "help" || name == "h":
		return 0, f.say(f.Help())
	case name == "version":
		return 0, f.say(Version())
	default:
		return 0, Usagef("%s: no flag -%s%s; %[1]s -help lists the flags", f.Name(), name, Meant("-"+name, f.dashed()))
	}
	if !given {
		switch {
		case isBool(fl):
			value = "true"
		case len(behind) == 0:
			return 0, Usagef("%s: -%s without a value, want -%[2]s %s", f.Name(), name, Kind(fl))
		default:
			value, used = behind[0], 1
		}
	}
	if err := f.Set(name, value); err != nil {
		return 0, Usagef("%s: -%s %s, %s", f.Name(), name, value, Wanted(fl, err))
	}
	return used, nil
}

// say prints what was asked for in place of a run.
func (f *FlagSet) say(text string) error {
	if _, err := io.WriteString(f.stdout, text); err != nil {
		return err
	}
	return flag.ErrHelp
}

// dashed are the names of all flags, with their dash.
func (f *FlagSet) dashed() (names []string) {
	f.VisitAll(func(fl *flag.Flag) { names = append(names, "-"+fl.Name) })
	return names
}

// Wanted makes what package flag says of a value that it cannot read, or a flag itself,
// say what is wanted.
func Wanted(fl *flag.Flag, err error) string {
	if text := err.Error(); text != "parse error" && text != "value out of range" {
		return text
	}
	if name, _ := flag.UnquoteUsage(fl); name == "uint" {
		return "want a whole number of 0 or more"
	}
	return "want " + map[string]string{"N": "a whole number", "X": "a number", "TIME": "a time, as in 90s or 10m", "": "true or false"}[Kind(fl)]
}

// isBool reports whether a flag needs no value.
func isBool(fl *flag.Flag) bool {
	b, ok := fl.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// NoArguments returns a UsageError if there are arguments besides the flags.
func (f *FlagSet) NoArguments() error {
	if f.NArg() > 0 {
		return Usagef("%s: unexpected argument %q; %s -help lists the flags", f.Name(), f.Arg(0), f.Name())
	}
	return nil
}

// describe is the argument that makes Parse return the flags in place of reading them.
const describe = "\x00describe"

// description is the error with which a command describes itself.
type description struct{ flags *FlagSet }

// Error is never printed.
func (d description) Error() string { return d.flags.Name() + ": a description" }

// Describe returns the flags of a command, which it runs for that: up to where it has
// them parsed.
func Describe(c Command) (*FlagSet, error) {
	err := c.Run(context.Background(), []string{describe}, io.Discard, io.Discard)
	var d description
	if !errors.As(err, &d) {
		return nil, fmt.Errorf("%s: %w: want a command that has its arguments parsed first", c.Name, err)
	}
	return d.flags, nil
}
