// The bench's in-process adapter: it sets a label on each create, so that every body is changed.
export default {
  pre({ ClientRequest: { Body } }) {
    if (!Body) return undefined;
    const Labels = { ...Body.Labels, bench: String(Object.keys(Body.Labels ?? {}).length) };
    return { ModifiedClientRequest: { Body: { ...Body, Labels } } };
  },
};
