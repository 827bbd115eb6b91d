package train

import (
	_ "embed"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/tomlfile"
)

// settings are values by the names of flags.
type settings map[string]any

// valuesOf returns the values of the flags that visit goes through. A flag that
// is a function has none.
func valuesOf(visit func(func(*flag.Flag))) settings {
	s := settings{}
	visit(func(f *flag.Flag) {
		if v, ok := f.Value.(flag.Getter); ok {
			s[f.Name] = v.Get()
		}
	})
	return s
}

// with is the settings with one of another value.
func (s settings) with(name string, v any) settings {
	s = maps.Clone(s)
	s[name] = v
	return s
}

func (s settings) names() []string { return slices.Sorted(maps.Keys(s)) }

// set sets the flags. Those of a recipe or a file, which is called from, must be
// known.
func (s settings) set(f *cli.FlagSet, known settings, from string) error {
	for _, name := range s.names() {
		if known[name] == nil {
			return cli.Usagef("train: %s: no setting %q, want some of %s%s", from, name, strings.Join(known.names(), ", "), cli.Meant(name, known.names()))
		}
		if err := f.Set(name, fmt.Sprint(s[name])); err != nil {
			return cli.Usagef("train: %s: %s = %#v, %v", from, name, s[name], cli.Wanted(f.Lookup(name), err))
		}
	}
	return nil
}

// readConfig reads a file of settings; "" is none.
func readConfig(path string) (settings, error) {
	if path == "" {
		return nil, nil
	}
	s := settings{}
	if err := tomlfile.Decode(path, &s); err != nil {
		return nil, fmt.Errorf("train: settings: %w", err)
	}
	return s, nil
}

// recipes are settings by name: a model's are what it trains with when nothing
// else is said, others name their model.
//
//go:embed recipes.toml
var recipes []byte

func allRecipes() (map[string]settings, error) {
	all := map[string]settings{}
	if err := toml.Unmarshal(recipes, &all); err != nil {
		return nil, fmt.Errorf("train: recipes.toml: %w", err)
	}
	return all, nil
}

// recipeOf returns the recipe of a model, whose name may have a suffix that the
// recipe's has not, as in mobilenetv2-0.5; nothing if there is none.
func recipeOf(model string) (settings, error) {
	all, err := allRecipes()
	if s, ok := all[model]; ok {
		return s, err
	}
	base, _, _ := strings.Cut(model, "-")
	return all[base], err
}

// recipeNames are the names of all recipes.
func recipeNames() []string {
	all, _ := allRecipes() // a test reads them
	return slices.Sorted(maps.Keys(all))
}

// recipeNamed returns a recipe that was asked for by name.
func recipeNamed(name string) (settings, error) {
	all, err := allRecipes()
	if err != nil {
		return nil, err
	}
	s, ok := all[name]
	if !ok {
		return nil, cli.Usagef("train: no recipe %q, want one of %s%s", name, strings.Join(recipeNames(), ", "), cli.Meant(name, recipeNames()))
	}
	if s["model"] == nil {
		s["model"] = name
	}
	return s, nil
}
