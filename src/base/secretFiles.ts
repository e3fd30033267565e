// Names under which keys, passwords and tokens are usually kept.
const secretNames: readonly RegExp[] = [
  /^\.env(?:[._~-].*)?$|\.env$|^\.envrc$|^\.dev\.vars(?:\..*)?$/,
  /\.(?:pem|key|p12|pfx|jks|keystore|kdbx|der|asc|gpg|ppk|ovpn|tfvars|tfstate(?:\.backup)?|age|htpasswd)$/,
  /^id_(?:rsa|dsa|ecdsa|ed25519)(?![a-z\d])/,
  /^\.(?:npmrc|netrc|pypirc|pgpass|htpasswd|git-credentials|dockercfg|s3cfg|boto|my\.cnf|yarnrc\.yml)$/,
  /^\.vault-token$|(?:^|[._-])kubeconfig(?:\.ya?ml)?$|^\.\w+_history$/,
  /^_netrc$|^known_hosts$|^authorized_keys$|^credentials$|^shadow$/,
  /(?:^|[._-])(?:secrets?|credentials?|passwords?|passwd|tokens?|private[._-]?keys?|service[._-]?account)(?:[._-][^.]*)?\.(?:json|jsonc|ya?ml|toml|ini|conf|cfg|txt|xml|properties|csv|enc)$/,
];
const secretFolders = /(?:^|\/)(?:\.ssh|\.envs|\.aws|\.gnupg|\.azure|\.kube|\.docker|\.gcloud|secrets?|\.git)\//;

/** A path with `/` as a disk that tells no upper from lower case compares it: macOS's takes a long s (ſ) for an s, too. */
export const foldedPath = (path: string): string => path.replaceAll("\\", "/").normalize("NFKC").toLowerCase();

/** True for a file that by its name (or folder) holds keys or passwords; `path` with `/` or `\`. Its text is never sent along. */
export const isSecretLike = (path: string): boolean => {
  const normal = foldedPath(path);
  const name = normal.slice(normal.lastIndexOf("/") + 1);
  return secretFolders.test(normal) || secretNames.some((pattern) => pattern.test(name));
};
