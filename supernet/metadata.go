package supernet

import (
	"encoding/json"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Metadata returns the metadata of an exported file: the configuration and the architecture. The file of a user's own space
// is in it as JSON.
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
	if c.ImageChannels != 0 {
		m["image_channels"] = strconv.Itoa(c.ImageChannels)
	}
	if own, ok := n.Space.(interface{ content() string }); ok && own.content() != "" {
		m["chain"] = own.content()
	}
	return m
}

// ParseMetadata reads what Metadata returns: the configuration, and the text of the architecture. What m lacks is empty. A
// value that is no number where one must be is an error. The configuration is not validated.
func ParseMetadata(m map[string]string) (c Config, arch string, err error) {
	c = Config{Space: m["space"], BN: Placement(m["bn"]), Gamma: GammaInit(m["gamma_init"]), Stem: m["stem"]}
	for _, number := range []struct {
		key  string
		into *int
	}{{"classes", &c.Classes}, {"channels", &c.Channels}, {"cells", &c.Cells}, {"height", &c.Height}, {"width", &c.Width},
		{"image_channels", &c.ImageChannels}} {
		if text, ok := m[number.key]; ok && err == nil {
			if *number.into, err = strconv.Atoi(text); err != nil {
				err = fmt.Errorf("metadata: %s is %.40q, not a whole number", number.key, text)
			}
		}
	}
	if text, ok := m["seed"]; ok && err == nil {
		if c.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			err = fmt.Errorf("metadata: seed is %.40q, not a whole number", text)
		}
	}
	if text, ok := m["chain"]; ok && err == nil {
		c.Chain, err = chainOf(text)
	}
	return c, m["arch"], err
}

// chainOf returns the content of the file of a user's own space from the same in JSON.
func chainOf(content string) (string, error) {
	var file chainFile
	if err := json.Unmarshal([]byte(content), &file); err != nil {
		return "", fmt.Errorf("metadata: chain: %w", err)
	}
	text, err := yaml.Marshal(file)
	return string(text), err
}
