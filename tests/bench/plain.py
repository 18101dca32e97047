# SPDX-License-Identifier: MIT
"""The baseline: stages 1 and 3 as a plain script does them, json.load, a listing, json.dumps, difflib."""
import difflib, json, os, re, sys


def listing(tree, level=0):
    out = []
    for name, sub in tree.items():
        if isinstance(sub, dict) and 'text' in sub and isinstance(sub['text'], list):
            if name.endswith('.py') and not name.startswith('test'):
                out.append('    ' * level + name + '\n')
    for name, sub in tree.items():
        if isinstance(sub, dict) and not ('text' in sub and isinstance(sub['text'], list)) and not name.startswith('test'):
            inner = listing(sub, level + 1)
            if inner:
                out.append('    ' * level + name + '/\n')
                out += inner
    return out


def gen_step1(rows, structures, top, out, passk):
    with open(out, 'w') as f:
        for row in rows:
            s = json.load(open(os.path.join(structures, row['instance_id'] + '.json')))['structure']
            prompt = row['problem_statement'] + '\n' + ''.join(listing(s['tree']))
            for k in range(passk):
                f.write(json.dumps({'custom_id': '%s__pass%d' % (row['instance_id'], k), 'method': 'POST',
                                    'url': '/v1/chat/completions', 'body': {'model': 'm', 'messages': [
                                        {'role': 'user', 'content': prompt}]}}) + '\n')


def proc_step2(rows, structures, top, out, passk):
    """As such scripts do it: the structure is loaded anew for every pass."""
    wanted = {'%s__pass%d' % (r['instance_id'], k) if passk > 1 else r['instance_id']: r['instance_id']
              for r in rows for k in range(passk)}
    with open(os.path.join(top, 'output2.jsonl')) as answers, open(out, 'w') as f:
        for line in answers:
            a = json.loads(line)
            if a['custom_id'] not in wanted:
                continue
            text = a['response']['body']['choices'][0]['message']['content']
            e = json.load(open(os.path.join(structures, wanted[a['custom_id']] + '.json')))['structure']['tree']
            name = re.search(r'^### (.*)$', text, re.M).group(1)
            search, replace = re.search(r'<<<<<<< SEARCH\n(.*?)\n=======\n(.*?)\n>>>>>>> REPLACE', text, re.S).groups()
            for part in name.split('/'):
                e = e[part]
            old = '\n'.join(e['text']) + '\n'
            new = old.replace(search, replace, 1)
            patch = ''.join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), 'a/' + name, 'b/' + name))
            f.write(json.dumps({'custom_id': a['custom_id'], 'model_patch': patch}) + '\n')


def main():
    step, dataset, structures, top, out, passk = sys.argv[1:]
    rows = [json.loads(line) for line in open(dataset)]
    {'gen_step1': gen_step1, 'proc_step2': proc_step2}[step](rows, structures, top, out, int(passk))


main()
