// Values of the configuration that stand elsewhere, so that the configuration holds no secret.
//
//   "credential:NAME"   what the service manager put into $CREDENTIALS_DIRECTORY; for a key that names a file, that file
//   "file:PATH"         the content of a file
//
// Source: systemd.exec(5), LoadCredential=.
#pragma once

#include <string>

#include "daemon/key_spec.h"
#include "mapping/result.h"

namespace mmgate {

/// The value that a text of the configuration stands for; any other text, and one of another shape than path and secret, stands for itself.
/// A secret in a file ends with its first line, which is at most 4096 octets long.
/// Fails: malformed, with what is wrong in words that follow the key's name and do not hold the secret.
Result<std::string> looked_up(Shape shape, std::string text);

}   // namespace mmgate
