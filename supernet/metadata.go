package supernet

import "strconv"

// Metadata returns the metadata of an exported file: the configuration and the architecture. The description of a user's own
// space is in JSON.
func (n *Net) Metadata(a Arch) map[string]string {
	c := n.Config
	m := map[string]string{
		"space": c.Space, "arch": n.Space.Format(a), "bn": string(c.BN),
		"seed": strconv.FormatUint(c.Seed, 10), "gamma_init": string(c.Gamma),
		"classes": strconv.Itoa(c.Classes), "channels": strconv.Itoa(c.Channels), "cells": strconv.Itoa(c.Cells),
		"height": strconv.Itoa(c.Height), "width": strconv.Itoa(c.Width),
	}
	if c.Stem != "" {
		m["stem"] = c.Stem
	}
	if described, ok := n.Space.(interface{ description() string }); ok && described.description() != "" {
		m["chain"] = described.description()
	}
	return m
}
