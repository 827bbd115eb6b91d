package keras

import (
	"fmt"
	"strconv"
	"strings"

	"tapenet/graph/keras/hdf5"
	"tapenet/graph/keras/topology"
)

// groups are the weights of a .h5 file: for each layer of the network a group, by
// the layer's name, whose attribute weight_names lists its weights. The group of a
// network inside the network has the weights of all layers in it.
type groups struct {
	order []string
	all   map[string][]*saved
}

// saved is one weight.
type saved struct {
	group *hdf5.Object
	name  string   // dense/kernel:0
	parts []string // dense, kernel
	taken bool
}

func newGroups(root *hdf5.Object) (*groups, error) {
	names, err := root.Names()
	if err != nil {
		return nil, err
	}
	g := &groups{order: names, all: map[string][]*saved{}}
	for _, name := range names {
		group, err := root.Find(name)
		if err != nil {
			return nil, fmt.Errorf("weights of %.64q: %w", name, err)
		}
		list, err := listed(group, "weight_names")
		if err != nil {
			return nil, fmt.Errorf("weights of %.64q: %w", name, err)
		}
		for _, weight := range list {
			plain, _, _ := strings.Cut(weight, ":")
			g.all[name] = append(g.all[name], &saved{group: group, name: weight, parts: strings.Split(plain, "/")})
		}
	}
	return g, nil
}

// listed reads an attribute that is a list of names. Keras writes one that is
// longer than a header may be in parts, name0, name1 and so on.
func listed(o *hdf5.Object, name string) ([]string, error) {
	list, err := o.Strings(name)
	if list != nil || err != nil {
		return list, err
	}
	for i := 0; ; i++ {
		part, err := o.Strings(name + strconv.Itoa(i))
		if part == nil || err != nil {
			return list, err
		}
		list = append(list, part...)
	}
}

// fits returns how many names in front of the weight's kind are the place's, from
// the layer outwards.
func (s *saved) fits(p topology.Place) int {
	n := 0
	for n < len(p.Names) && n < len(s.parts)-1 && p.Names[len(p.Names)-1-n] == s.parts[len(s.parts)-2-n] {
		n++
	}
	return n
}

// of returns the weights of the group that a layer is in, and whether the group is
// the layer's alone.
func (g *groups) of(p topology.Place) (list []*saved, alone bool) {
	return g.all[p.Names[min(1, len(p.Names)-1)]], len(p.Names) <= 2
}

// Take returns the layer's weight of a kind. In a group of several layers the
// weight's name says whose it is.
func (g *groups) Take(p topology.Place, names ...string) (topology.Array, error) {
	list, alone := g.of(p)
	var best *saved
	most, twice := 0, false
	for _, s := range list {
		kind, n := s.parts[len(s.parts)-1], s.fits(p)
		if alone {
			n++ // the name in front may be another's: of a layer that was renamed
		}
		fits := false
		for _, name := range names {
			fits = fits || kind == name
		}
		if !fits || s.taken || n == 0 || n < most {
			continue
		}
		best, most, twice = s, n, n == most
	}
	title := strings.Join(append(p.Names[min(1, len(p.Names)-1):len(p.Names):len(p.Names)], names[0]), "/")
	if best == nil {
		return topology.Array{}, fmt.Errorf("no weight %.128q", title)
	}
	if twice {
		return topology.Array{}, fmt.Errorf("several weights may be %.128q, %.64q among them", title, best.name)
	}
	best.taken = true
	o, err := best.group.Find(best.name)
	if err == nil && o == nil {
		err = fmt.Errorf("is in weight_names, but not in the file")
	}
	if err != nil {
		return topology.Array{}, fmt.Errorf("weight %.128q: %w", best.name, err)
	}
	a, err := values(o)
	if err != nil {
		err = fmt.Errorf("weight %.128q: %w", best.name, err)
	}
	return a, err
}

// Skip marks a layer's weights as taken.
func (g *groups) Skip(p topology.Place) {
	list, alone := g.of(p)
	for _, s := range list {
		if alone || s.fits(p) > 0 {
			s.taken = true
		}
	}
}

// Rest returns a weight that is left.
func (g *groups) Rest() string {
	for _, group := range g.order {
		for _, s := range g.all[group] {
			if !s.taken {
				return group + "/" + s.name
			}
		}
	}
	return ""
}
