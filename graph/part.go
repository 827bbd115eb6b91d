package graph

import "gorgonia.org/gorgonia"

// tensorOf says what a tensor is.
type tensorOf struct{ params, state int }

// Part begins a part of the layer, which Layers and Summary list by itself: one
// operator of a file for which the layer stands. name and kind are what the file calls
// it and its operator. The ops that the scope, and scopes that are made inside it, add
// from now on belong to the part, until the next one; the name "" ends it. A tensor
// belongs to the part whose op reads it first. A part without ops is not listed. The
// names of tensors stay as they are without parts.
func (s *Scope) Part(name, kind string) {
	s.part = nil
	if name != "" {
		s.part = &LayerInfo{Path: join(s.path, name), Kind: kind}
		return
	}
	for _, n := range s.b.bound { // what no op has read is the layer's
		if t, ok := s.b.unread[n]; ok {
			s.own(n, t)
			delete(s.b.unread, n)
		}
	}
}

// own counts a tensor as one of the layer's. Of parts it waits for the op that reads it.
func (s *Scope) own(n *gorgonia.Node, t tensorOf) {
	if s.part != nil {
		s.b.unread[n] = t
		return
	}
	s.record().own(n, t)
}

func (l *LayerInfo) own(n *gorgonia.Node, t tensorOf) {
	l.nodes = append(l.nodes, n)
	l.Params += t.params
	l.State += t.state
}
