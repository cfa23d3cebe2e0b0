package iks

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds what is quoted of somebody else's text, in characters.
const maxText = 600

const hidden = "[redacted]"

// tidy makes a foreign text fit to be shown: one line, printable, bounded, and
// without anything that looks like a token or carries a password.
func tidy(text string, secrets ...string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for _, s := range secrets {
		if len(s) >= minSecret {
			text = strings.ReplaceAll(text, s, hidden)
		}
	}
	text = hideTokens(scrubURL(text))
	var b strings.Builder
	length, space := 0, false
	for _, r := range text {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			space = length > 0
			continue
		}
		if length >= maxText {
			b.WriteString("…")
			break
		}
		if space {
			b.WriteByte(' ')
			space, length = false, length+1
		}
		b.WriteRune(r)
		length++
	}
	return b.String()
}

// minSecret is the length from which a text is replaced wherever it occurs.
// Something shorter is no credential, and replacing it would garble messages.
const minSecret = 8

// hideTokens hides JSON Web Tokens: their header is a JSON object, which in
// base64 begins with eyJ.
func hideTokens(text string) string {
	const mark = "eyJ"
	var b strings.Builder
	for {
		at := strings.Index(text, mark)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at
		for end < len(text) && isTokenByte(text[end]) {
			end++
		}
		b.WriteString(text[:at])
		if end-at > 16 {
			b.WriteString(hidden)
		} else {
			b.WriteString(text[at:end])
		}
		text = text[end:]
	}
}

func isTokenByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || c == '=' || c == '+' || c == '/' ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// scrubURL hides the user and password of a URL within text, as in the address
// of a proxy.
func scrubURL(text string) string {
	const mark = "://"
	var b strings.Builder
	for {
		at := strings.Index(text, mark)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		at += len(mark)
		b.WriteString(text[:at])
		text = text[at:]
		authority := text
		if end := strings.IndexAny(text, "/?# \t\r\n\""); end >= 0 {
			authority = text[:end]
		}
		if user := strings.LastIndexByte(authority, '@'); user >= 0 {
			b.WriteString(hidden)
			text = text[user:]
		}
	}
}

// short tells whether s is an identifier rather than a text, so that it may
// stand in a message as it is.
func short(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}
