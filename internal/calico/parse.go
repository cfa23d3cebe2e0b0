package calico

import (
	"fmt"
	"strings"
)

// CheckSelector says what is wrong with a selector, and at which character. The empty selector, which selects all, is
// right. The language, as Calico's parser has it:
//
//	or    = and { "||" and }
//	and   = term { "&&" term }
//	term  = { "!" } ( "(" or ")" | "all()" | "global()" | "has(" label ")" | label op )
//	op    = ( "==" | "!=" | "contains" | "starts with" | "ends with" ) string | ( "in" | "not in" ) set
//	set   = "{" [ string { "," string } [ "," ] ] "}"
//
// A label is 1 to 512 of the characters a-z A-Z 0-9 _ . / -, a string stands in single or double quotes.
func CheckSelector(selector string) error {
	p := selectorParser{text: selector}
	if p.blanks(); p.ended() {
		return nil
	}
	if err := p.or(); err != nil {
		return err
	}
	if !p.ended() {
		return p.wrong("an operator such as && or ||, or the end")
	}
	return nil
}

// selectorParser reads a selector from left to right. Every step leaves it behind the blanks that follow.
type selectorParser struct {
	text string
	at   int
}

func (p *selectorParser) ended() bool { return p.at == len(p.text) }

func (p *selectorParser) blanks() {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], " \t"))
}

// take reads a symbol or word if it comes next.
func (p *selectorParser) take(symbol string) bool {
	if !strings.HasPrefix(p.text[p.at:], symbol) {
		return false
	}
	p.at += len(symbol)
	p.blanks()
	return true
}

func (p *selectorParser) wrong(expected string) error {
	found := "the end"
	if rest := p.text[p.at:]; rest != "" {
		if len(rest) > 20 {
			rest = strings.ToValidUTF8(rest[:20], "") + "..."
		}
		found = fmt.Sprintf("%q", rest)
	}
	return fmt.Errorf("character %d: expected %s, found %s", p.at+1, expected, found)
}

func (p *selectorParser) or() error  { return p.chain("||", p.and) }
func (p *selectorParser) and() error { return p.chain("&&", p.term) }

func (p *selectorParser) chain(operator string, operand func() error) error {
	for {
		if err := operand(); err != nil || !p.take(operator) {
			return err
		}
	}
}

func (p *selectorParser) term() error {
	for p.take("!") {
	}
	if p.take("(") {
		if err := p.or(); err != nil {
			return err
		}
		return p.must(")")
	}
	for _, call := range []string{"all(", "global("} {
		if p.take(call) {
			return p.must(")")
		}
	}
	if p.take("has(") {
		if err := p.label(); err != nil {
			return err
		}
		return p.must(")")
	}
	if err := p.label(); err != nil {
		return err
	}
	return p.operation()
}

func (p *selectorParser) must(symbol string) error {
	if !p.take(symbol) {
		return p.wrong(symbol)
	}
	return nil
}

const (
	labelCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-"
	longestLabel    = 512
)

func (p *selectorParser) label() error {
	size := len(p.text[p.at:]) - len(strings.TrimLeft(p.text[p.at:], labelCharacters))
	if size == 0 {
		return p.wrong("a label, or all(), has(label), global()")
	}
	if size > longestLabel {
		return fmt.Errorf("character %d: a label has at most %d characters, this one %d", p.at+1, longestLabel, size)
	}
	p.at += size
	p.blanks()
	return nil
}

// operation reads what is asked of a label.
func (p *selectorParser) operation() error {
	switch {
	case p.take("=="), p.take("!="), p.take("contains"), p.words("starts", "with"), p.words("ends", "with"):
		return p.literal()
	case p.words("not", "in"), p.words("in"):
		return p.set()
	}
	return p.wrong("one of ==, !=, in, not in, contains, starts with, ends with")
}

// words reads words one after the other, all of them or none.
func (p *selectorParser) words(words ...string) bool {
	begin := p.at
	for _, word := range words {
		if !p.take(word) {
			p.at = begin
			return false
		}
	}
	return true
}

func (p *selectorParser) literal() error {
	if p.ended() || p.text[p.at] != '"' && p.text[p.at] != '\'' {
		return p.wrong("a value in quotes")
	}
	end := strings.IndexByte(p.text[p.at+1:], p.text[p.at])
	if end < 0 {
		return fmt.Errorf("character %d: the value that begins here has no closing quote", p.at+1)
	}
	p.at += end + 2
	p.blanks()
	return nil
}

func (p *selectorParser) set() error {
	if err := p.must("{"); err != nil {
		return err
	}
	for !p.take("}") {
		if err := p.literal(); err != nil {
			return err
		}
		if !p.take(",") {
			return p.must("}")
		}
	}
	return nil
}
